"""Git objects that no working copy could hold: trees of any names, modes and depth.

Each function writes one object into the repository of the working directory and returns its name. What git would
refuse to make is made all the same; what a server refuses to take is the server's to say.
"""

import hashlib
import pathlib
import subprocess
import zlib


def store(kind, body):
    text = kind.encode() + b" %d\0" % len(body) + body
    name = hashlib.sha1(text).hexdigest()
    path = pathlib.Path(".git/objects", name[:2], name[2:])
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        path.write_bytes(zlib.compress(text, 1))
    return name


def blob(content):
    return store("blob", content)


def tree(entries):
    """A tree of (mode, name, object); modes are git's, `40000` for a tree."""
    entries = sorted(entries, key=lambda entry: entry[1] + (b"/" if entry[0] == "40000" else b""))
    return store("tree", b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(of) for mode, name, of in entries))


def commit(of):
    """A commit of a tree, which becomes what is pushed."""
    author = "Team <team@localhost> 1700000000 +0000"
    name = store("commit", f"tree {of}\nauthor {author}\ncommitter {author}\n\nOur method\n".encode())
    subprocess.run(["git", "update-ref", "HEAD", name], check=True)
