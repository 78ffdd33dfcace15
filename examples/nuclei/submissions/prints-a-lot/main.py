"""Floods its standard output before it does its work."""

from pathlib import Path

import numpy as np
from PIL import Image

for _ in range(50):
    print(("x" * 1023 + "\n") * 1024, end="")

for path in sorted(Path("/input").glob("*.png")):
    image = Image.open(path)
    Image.fromarray(np.zeros(image.size[::-1], dtype=np.uint16)).save(Path("/output") / path.name)
