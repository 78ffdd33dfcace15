"""Nuclei by one global threshold: Otsu's, holes filled, each connected component one nucleus.

Knows nothing of touching nuclei or of dim ones beside bright ones; a baseline to beat.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_fill_holes
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.morphology import remove_small_objects

for path in sorted(Path("/input").glob("*.png")):
    image = np.asarray(Image.open(path))
    labels = label(binary_fill_holes(image > threshold_otsu(image)))
    labels = remove_small_objects(labels, max_size=20)
    Image.fromarray(labels.astype(np.uint16)).save(Path("/output") / path.name)
