"""Ten thousand names of one file of a megabyte."""
import plumbing

dockerfile = plumbing.blob(b"FROM referee/python:3.11\nUSER 65534\nENTRYPOINT [\"true\"]\n")
megabyte = plumbing.blob(bytes(1 << 20))
files = [("100644", b"%05d" % n, megabyte) for n in range(10_000)]
plumbing.commit(plumbing.tree([("100644", b"Dockerfile", dockerfile), *files]))
