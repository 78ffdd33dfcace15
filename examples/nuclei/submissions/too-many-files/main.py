"""Leaves its intermediate results behind, in very many files."""

from pathlib import Path

import numpy as np
from PIL import Image

for path in sorted(Path("/input").glob("*.png")):
    image = Image.open(path)
    Image.fromarray(np.zeros(image.size[::-1], dtype=np.uint16)).save(Path("/output") / path.name)

for number in range(2000):
    try:
        (Path("/output") / f"step_{number}.txt").touch()
    except OSError:
        break
