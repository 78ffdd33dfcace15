"""Nuclei by a local threshold on log intensities, touching ones split by a watershed on the distance transform.

The logarithm brings dim nuclei within reach of one threshold; the local mean keeps the haze between bright ones out.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_fill_holes, binary_opening, distance_transform_edt, gaussian_filter
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.morphology import remove_small_objects
from skimage.segmentation import watershed


def segment(image):
    smooth = gaussian_filter(np.log1p(image.astype(float)), 1)
    bright = (smooth > threshold_otsu(smooth)) & (smooth > gaussian_filter(smooth, 10) + 0.05)
    nuclei = binary_fill_holes(binary_opening(bright, iterations=2))
    depth = gaussian_filter(distance_transform_edt(nuclei), 1)
    seeds = np.zeros(image.shape, dtype=int)
    peaks = peak_local_max(depth, min_distance=5, labels=label(nuclei), exclude_border=False)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return remove_small_objects(watershed(-depth, seeds, mask=nuclei), max_size=30)


for path in sorted(Path("/input").glob("*.png")):
    labels = segment(np.asarray(Image.open(path)))
    Image.fromarray(labels.astype(np.uint16)).save(Path("/output") / path.name)
