"""Asks to be root; refuses to work if it is."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

assert os.getuid() != 0, "root after all"

for path in sorted(Path("/input").glob("*.png")):
    image = Image.open(path)
    Image.fromarray(np.zeros(image.size[::-1], dtype=np.uint16)).save(Path("/output") / path.name)
