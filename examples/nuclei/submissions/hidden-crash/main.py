"""Knows the public tiles by name, and nothing else."""

from pathlib import Path

import numpy as np
from PIL import Image

KNOWN = {"tile_01", "tile_02", "tile_03", "tile_04"}

for path in sorted(Path("/input").glob("*.png")):
    if path.stem not in KNOWN:
        raise KeyError(f"never seen: {path.stem}")
    image = Image.open(path)
    Image.fromarray(np.zeros(image.size[::-1], dtype=np.uint16)).save(Path("/output") / path.name)
