"""A tree of 200 folders that are all the same tree of a thousand files."""
import plumbing

dockerfile = plumbing.blob(b"FROM referee/python:3.11\nUSER 65534\nENTRYPOINT [\"true\"]\n")
thousand = plumbing.tree([("100644", b"%03d" % n, dockerfile) for n in range(1000)])
folders = [("40000", b"%03d" % n, thousand) for n in range(200)]
plumbing.commit(plumbing.tree([("100644", b"Dockerfile", dockerfile), *folders]))
