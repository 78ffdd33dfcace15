"""A tree so deep that a careless walk ends its program."""
import plumbing

dockerfile = plumbing.blob(b"FROM referee/python:3.11\nUSER 65534\nENTRYPOINT [\"true\"]\n")
deep = plumbing.tree([("100644", b"x", dockerfile)])
for _ in range(1500):
    deep = plumbing.tree([("40000", b"d", deep)])
plumbing.commit(plumbing.tree([("100644", b"Dockerfile", dockerfile), ("40000", b"d", deep)]))
