"""Adds a file whose name holds markup, an escape sequence and a line break."""

from pathlib import Path

import numpy as np
from PIL import Image

for path in sorted(Path("/input").glob("*.png")):
    image = Image.open(path)
    Image.fromarray(np.zeros(image.size[::-1], dtype=np.uint16)).save(Path("/output") / path.name)

(Path("/output") / "<img src=x onerror=alert(1)>\x1b[31m\nok").write_text("hello")
