"""Scores instance masks of nuclei: /predictions against /truth, result in /output/metrics.json.

Per case (one mask per tile, 0 = background, every other value = one nucleus):

ap50  TP / (TP + FP + FN), where a predicted and a true nucleus match if they overlap with IoU >= 0.5; the score
      of Caicedo et al., "Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl", Nature
      Methods 16, 2019, at a single threshold. 1 if both masks are empty.
dice  mean over the true nuclei of the Dice coefficient with the predicted nucleus that the optimal one-to-one
      assignment by IoU gives them, 0 for those left without one. Without true nuclei: 1 if none is predicted, else 0.
hd95  95th percentile of the distances in pixels between the two foreground boundaries, the larger of the two
      directions. 0 if both masks are empty; the tile's diagonal if one is.

It refuses to trust a prediction: only regular PNG files of the truth's exact size and of one integer channel are
decoded, and anything else makes that case's values null, with a reason. It refuses to fill in nulls: what a missing
value is worth is the challenge's rule, not the scorer's, so a mean over a null is null, too.
"""

import json
import math
import stat
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.optimize import linear_sum_assignment

PREDICTIONS, TRUTH, OUTPUT = Path("/predictions"), Path("/truth"), Path("/output")
METRICS = ("ap50", "dice", "hd95")
MAX_BYTES = 1 << 20
MODES = ("L", "I;16")
Image.MAX_IMAGE_PIXELS = 1 << 20  # beyond twice as many Pillow raises an error by itself


class Refused(Exception):
    """Why a prediction is not scored; the text is the reason in the report."""


def read_mask(path, size=None):
    """The labels in a PNG. Its header is checked before a pixel is decoded."""
    try:
        status = path.lstat()
    except OSError:
        raise Refused("missing") from None
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
        raise Refused("not a regular file of at most 1 MiB")
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if size is not None and image.size != size:
                raise Refused(f"{image.width} x {image.height} pixels instead of {size[0]} x {size[1]}")
            if image.mode not in MODES:
                raise Refused(f"PNG of mode {image.mode} instead of 8 or 16 bit grey")
            return np.asarray(image).astype(np.int64)
    except Refused:
        raise
    except Exception:  # whatever a decoder raises on hostile bytes, it is not a mask
        raise Refused("not a readable PNG") from None


def overlaps(truth, predicted):
    """IoU and Dice of every (true, predicted) pair of instances, as two matrices."""
    true_ids, true_index = np.unique(truth, return_inverse=True)
    predicted_ids, predicted_index = np.unique(predicted, return_inverse=True)
    shape = (len(true_ids), len(predicted_ids))
    both = np.bincount(true_index.ravel() * shape[1] + predicted_index.ravel(), minlength=shape[0] * shape[1])
    both = both.reshape(shape)
    sizes = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True)
    instances = np.ix_(true_ids != 0, predicted_ids != 0)
    return (both / (sizes - both))[instances], (2 * both / sizes)[instances]


def ap50(iou):
    matches = iou >= 0.5
    hits = matches[linear_sum_assignment(matches, maximize=True)].sum()
    candidates = sum(iou.shape) - hits
    return hits / candidates if candidates else 1.0


def dice(iou, pair_dice):
    true_count, predicted_count = iou.shape
    if true_count == 0:
        return float(predicted_count == 0)
    return pair_dice[linear_sum_assignment(iou, maximize=True)].sum() / true_count


def hd95(truth, predicted):
    if not truth.any() or not predicted.any():
        return math.hypot(*truth.shape) if truth.any() or predicted.any() else 0.0
    edges = [mask & ~binary_erosion(mask) for mask in (truth, predicted)]
    away = [distance_transform_edt(~edge) for edge in edges]
    return max(np.percentile(away[0][edges[1]], 95), np.percentile(away[1][edges[0]], 95))


def score(truth_path):
    truth = read_mask(truth_path)
    row = {"case": truth_path.stem}
    try:
        predicted = read_mask(PREDICTIONS / truth_path.name, size=truth.shape[::-1])
    except Refused as reason:
        return row | dict.fromkeys(METRICS) | {"reason": str(reason)}
    iou, pair_dice = overlaps(truth, predicted)
    values = ap50(iou), dice(iou, pair_dice), hd95(truth > 0, predicted != 0)
    return row | {name: round(float(value), 6) for name, value in zip(METRICS, values)}


def mean(values):
    return None if None in values else {"mean": math.fsum(values) / len(values)}


def main():
    results = [score(path) for path in sorted(TRUTH.glob("*.png"))]
    if not results:
        sys.exit("no truth")
    aggregates = {name: mean([row[name] for row in results]) for name in METRICS}
    report = json.dumps({"results": results, "aggregates": aggregates}, indent=1, allow_nan=False)
    (OUTPUT / "metrics.json").write_text(report)


if __name__ == "__main__":
    main()
