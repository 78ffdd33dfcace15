"""Tries every way to somebody else, and fails if anything is open."""
import errno
import json
import pathlib
import socket
import sys

opened = []


def way(name, attempt):
    try:
        attempt()
    except OSError as error:
        print(name, errno.errorcode.get(error.errno, error))
    else:
        opened.append(name)


def connect(*address):
    return lambda: socket.create_connection(address, 1)


def opens(family, kind=socket.SOCK_STREAM, protocol=0):
    return lambda: socket.socket(family, kind, protocol)


def abstract():
    with open("/proc/net/unix") as known:
        names = [line.split()[-1] for line in known if line.split()[-1].startswith("@")]
    for name in names:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect("\0" + name[1:])
    if not names:
        raise OSError(errno.ENOENT, "no socket without a file")


def engine():
    with socket.socket(socket.AF_UNIX) as one:
        one.connect("/var/run/docker.sock")


way("bridge", connect("172.17.0.1", 22))
way("host", connect("127.0.0.1", 8030))
way("internet", connect("192.0.2.1", 80))
way("internet, IPv6", connect("2001:db8::1", 80))
way("metadata", connect("169.254.169.254", 80))
way("name", lambda: socket.getaddrinfo("example.org", 80))
way("datagram", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)))
way("ping", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1).sendto(b"x" * 16, ("192.0.2.1", 0)))
way("raw", opens(socket.AF_INET, socket.SOCK_RAW, 1))
way("packet", opens(17, socket.SOCK_RAW))
way("hypervisor", opens(40))
way("kernel's ciphers", opens(38, socket.SOCK_SEQPACKET))
way("netlink", opens(16, socket.SOCK_RAW, 9))
way("abstract", abstract)
way("engine", engine)

if opened:
    print(f"open: {opened}")
    sys.exit(1)
for case in pathlib.Path("/input").iterdir():
    number = json.loads(case.read_text())["number"]
    pathlib.Path("/output", case.name).write_text(json.dumps({"double": 2 * number}))
