"""A file of 201 MiB."""
import plumbing

dockerfile = plumbing.blob(b"FROM referee/python:3.11\nUSER 65534\nENTRYPOINT [\"true\"]\n")
large = plumbing.blob(bytes(201 << 20))
plumbing.commit(plumbing.tree([("100644", b"Dockerfile", dockerfile), ("100644", b"weights", large)]))
