"""Twelve links of 100 MiB."""
import plumbing

dockerfile = plumbing.blob(b"FROM referee/python:3.11\nUSER 65534\nENTRYPOINT [\"true\"]\n")
target = plumbing.blob(b"x" * (100 << 20))
links = [("120000", b"link%02d" % n, target) for n in range(12)]
plumbing.commit(plumbing.tree([("100644", b"Dockerfile", dockerfile), *links]))
