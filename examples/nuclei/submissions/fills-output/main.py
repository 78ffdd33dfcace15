"""Dumps its activations beside its masks, 64 MiB or whatever fits."""

from pathlib import Path

import numpy as np
from PIL import Image

for path in sorted(Path("/input").glob("*.png")):
    image = Image.open(path)
    Image.fromarray(np.zeros(image.size[::-1], dtype=np.uint16)).save(Path("/output") / path.name)

with open("/output/activations.bin", "wb") as file:
    try:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
            file.flush()
    except OSError:
        pass
