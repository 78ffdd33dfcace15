"""Cuts the one 512 x 512 image and its mask into this challenge's 16 tiles; documents how they were made.

    python3 make_tiles.py image.png mask.png

The source is one field of BBBC038v1 (2018 Data Science Bowl; Caicedo et al., Nature Methods 16, 2019; CC0).
Sets run along the diagonals of the 4 x 4 grid, so that each has bright and dim rows, dense and sparse columns.
Refuses to rescale or filter: pixels are the original's, and labels are only renumbered 1..n within a tile.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

TILE, GRID = 128, 4
SETS = [("sample/segmentation", [0]), ("data/validation/segmentation", [1]), ("data/test/segmentation", [2, 3])]


def main(image_path, mask_path):
    image, mask = (np.asarray(Image.open(path)).astype(np.uint16) for path in (image_path, mask_path))
    number = 0
    for folder, diagonals in SETS:
        for row, column in np.ndindex(GRID, GRID):
            if (row + column) % GRID not in diagonals:
                continue
            number += 1
            window = np.s_[row * TILE:(row + 1) * TILE, column * TILE:(column + 1) * TILE]
            labels = np.unique(mask[window], return_inverse=True)[1].reshape(TILE, TILE).astype(np.uint16)
            for kind, pixels in (("inputs", image[window]), ("truth", labels)):
                path = Path(__file__).parent / folder / kind / f"tile_{number:02d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
