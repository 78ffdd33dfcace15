"""Writes an empty mask for each tile; what is wrong here lies elsewhere."""

from pathlib import Path

import numpy as np
from PIL import Image

for path in sorted(Path("/input").glob("*.png")):
    image = Image.open(path)
    Image.fromarray(np.zeros(image.size[::-1], dtype=np.uint16)).save(Path("/output") / path.name)
