"""Two names that some file systems cannot tell apart."""
import plumbing

text = plumbing.blob(b"FROM referee/python:3.11\nENTRYPOINT [\"true\"]\n")
plumbing.commit(plumbing.tree([("100644", b"Dockerfile", text), ("100644", b"dockerfile", text)]))
