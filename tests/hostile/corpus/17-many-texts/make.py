"""Nearly twenty thousand names of one text of 64 KiB, beside a method that works."""
import pathlib

import plumbing

here = pathlib.Path(__file__).parent
method = [("100644", name.encode(), plumbing.blob(here.joinpath(name).read_bytes())) for name in ("main.py", "Dockerfile", ".dockerignore")]
text = plumbing.blob(b"x" * (64 << 10))
texts = [("100644", b"%05d" % n, text) for n in range(19_990)]
plumbing.commit(plumbing.tree(method + [("40000", b"texts", plumbing.tree(texts))]))
