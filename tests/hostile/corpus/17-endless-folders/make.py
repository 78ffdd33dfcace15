"""Trees of ten names of one tree, thirty times over, around nothing."""
import plumbing

dockerfile = plumbing.blob(b"FROM referee/python:3.11\nUSER 65534\nENTRYPOINT [\"true\"]\n")
folder = plumbing.tree([])
for _ in range(30):
    folder = plumbing.tree([("40000", b"%d" % n, folder) for n in range(10)])
plumbing.commit(plumbing.tree([("100644", b"Dockerfile", dockerfile), ("40000", b"d", folder)]))
