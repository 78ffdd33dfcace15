"""Forgets to scale its result back: each mask has half the tile's width and height."""

from pathlib import Path

import numpy as np
from PIL import Image

for path in sorted(Path("/input").glob("*.png")):
    image = np.asarray(Image.open(path))[::2, ::2]
    Image.fromarray((image > image.mean()).astype(np.uint8)).save(Path("/output") / path.name)
