"""Nuclei by Li's minimum cross entropy threshold on the smoothed tile; settings come from the build's first stage."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_fill_holes, gaussian_filter
from skimage.filters import threshold_li
from skimage.measure import label
from skimage.morphology import remove_small_objects

settings = json.loads(Path("/app/settings.json").read_text())

for path in sorted(Path("/input").glob("*.png")):
    smooth = gaussian_filter(np.asarray(Image.open(path)).astype(float), settings["sigma"])
    labels = label(binary_fill_holes(smooth > threshold_li(smooth)))
    labels = remove_small_objects(labels, max_size=settings["smallest"])
    Image.fromarray(labels.astype(np.uint16)).save(Path("/output") / path.name)
