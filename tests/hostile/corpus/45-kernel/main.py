"""Tries what only an administrator may, and fails if anything is open."""
import ctypes
import errno
import json
import os
import pathlib
import sys

opened = []


def way(name, attempt):
    try:
        attempt()
    except OSError as error:
        print(name, errno.errorcode.get(error.errno, error))
    else:
        opened.append(name)


libc = ctypes.CDLL(None, use_errno=True)
CALLS = {
    "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "swapon": 167, "swapoff": 168,
    "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173,
    "init_module": 175, "delete_module": 176, "quotactl": 179, "settimeofday": 164, "acct": 163,
    "adjtimex": 159, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250,
    "mbind": 237, "set_mempolicy": 238, "migrate_pages": 256, "move_pages": 279, "unshare": 272,
    "perf_event_open": 298, "fanotify_init": 300, "name_to_handle_at": 303, "open_by_handle_at": 304,
    "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313,
    "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsmount": 432, "pidfd_getfd": 438, "syslog": 103, "vhangup": 153,
}  # fmt: skip
ARGUMENTS = {"unshare": (0x10000000,), "userfaultfd": (0,), "syslog": (2, ctypes.create_string_buffer(64), 64)}
WRITES = [
    "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/kernel/modprobe",
    "/proc/sys/vm/drop_caches", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/fs/binfmt_misc/register", "/proc/1/mem",
    "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups", "/proc/irq/default_smp_affinity",
    "/proc/bus/pci/devices", "/proc/fs/xfs/stat", "/sys/kernel/uevent_helper", "/sys/kernel/mm/ksm/run",
    "/sys/power/state", "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/notify_on_release",
]  # fmt: skip
READS = [
    "/proc/kcore", "/proc/kmem", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/scsi/scsi",
    "/sys/firmware/acpi/tables/DSDT", "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/fuse", "/dev/kvm",
]  # fmt: skip


def call(name):
    def attempt():
        if libc.syscall(CALLS[name], *ARGUMENTS.get(name, (0, 0, 0, 0, 0))) < 0:
            raise OSError(ctypes.get_errno(), name)

    return attempt


def write(path):
    def attempt():
        descriptor = os.open(path, os.O_WRONLY)
        os.write(descriptor, b"1")

    return attempt


def read(path):
    def attempt():
        with open(path, "rb") as file:
            if not file.read(64).strip(b"\0"):
                raise OSError(errno.ENODATA, "nothing to read")

    return attempt


for name in CALLS:
    way(name, call(name))
for path in WRITES:
    way("write " + path, write(path))
for path in READS:
    way("read " + path, read(path))
way("setuid", lambda: os.setuid(0))
way("device", lambda: os.mknod("/output/null", 0o20666, os.makedev(1, 3)))

if opened:
    print(f"open: {opened}")
    sys.exit(1)
for case in pathlib.Path("/input").iterdir():
    number = json.loads(case.read_text())["number"]
    pathlib.Path("/output", case.name).write_text(json.dumps({"double": 2 * number}))
