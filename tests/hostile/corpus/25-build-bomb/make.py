"""A gzip file of 60 MiB of zeros."""
import gzip
import pathlib

pathlib.Path("bomb.gz").write_bytes(gzip.compress(bytes(60 << 20), 9))
