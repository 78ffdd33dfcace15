"""Scores instrument segmentation: Video_XX_Masks/<thousand>/frame_NNNNNN.png for every 25th frame.

A pixel is 0 for background or 10 * class + instance: 11, 12 ... graspers (class 1), 21, 22 ... scissors (class 2).
Per class that is in a frame's truth or prediction:

map   over the thresholds .50:.05:.95 the mean of TP / (TP + FP + FN), where instances are matched one to one by the
      assignment that maximizes the sum of IoU (Hungarian method), and a match counts from the threshold on
f1    of the class's pixels, 2 TP / (2 TP + FP + FN), which is the Dice coefficient
hd95  95th percentile of the distances between the class's outlines, the larger of the two directions, in pixels; the
      picture's diagonal if truth or prediction lacks the class

then the mean over classes, over frames, and in the end over videos. A frame without instruments counts 1, 1 and 0 if
none was claimed. It refuses to decode a mask whose header does not have the truth's size and one channel of 8 bits.
"""

import math

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.optimize import linear_sum_assignment

from common import Refused, checked, mean, report

THRESHOLDS = np.arange(0.5, 0.96, 0.05)
Image.MAX_IMAGE_PIXELS = 1 << 20


def read_mask(path, size=None):
    try:
        with Image.open(checked(path, 1 << 20), formats=["PNG"]) as image:
            if image.mode != "L" or size not in (None, image.size):
                raise Refused(f"{path.name} is not an 8-bit grey PNG of the frame's size")
            return np.asarray(image)
    except Refused:
        raise
    except Exception:  # whatever a decoder raises on hostile bytes, it is not a mask
        raise Refused(f"{path.name} is not a readable PNG") from None


def instances(mask, kind):
    return [mask == value for value in range(10 * kind, 10 * kind + 10) if (mask == value).any()]


def average_precision(truth, claims):
    iou = np.array([[(one & other).sum() / (one | other).sum() for other in claims] for one in truth])
    matched = iou[linear_sum_assignment(iou, maximize=True)] if iou.size else np.zeros(0)
    hits = (matched >= THRESHOLDS[:, None]).sum(axis=1)
    return (hits / (len(truth) + len(claims) - hits)).mean()


def hd95(truth, claimed):
    if not truth.any() or not claimed.any():
        return math.hypot(*truth.shape)
    edges = [region & ~binary_erosion(region) for region in (truth, claimed)]
    away = [distance_transform_edt(~edge) for edge in edges]
    return max(np.percentile(away[0][edges[1]], 95), np.percentile(away[1][edges[0]], 95))


def score_frame(truth, claimed):
    """(map, f1, hd95), each a mean over classes."""
    classes = sorted((set(np.unique(truth // 10)) | set(np.unique(claimed // 10))) - {0})
    if not classes:
        return 1.0, 1.0, 0.0
    rows = []
    for kind in classes:
        region, guess = truth // 10 == kind, claimed // 10 == kind
        f1 = 2 * (region & guess).sum() / (region.sum() + guess.sum())
        rows.append((average_precision(instances(truth, kind), instances(claimed, kind)), f1, hd95(region, guess)))
    return [mean(column) for column in zip(*rows)]


def score_video(truth_folder, predicted_folder):
    masks = f"{truth_folder.name}_Masks"
    rows = []
    for path in sorted((truth_folder / masks).glob("*/*.png")):
        truth = read_mask(path)
        claimed = read_mask(predicted_folder / masks / path.parent.name / path.name, size=truth.shape[::-1])
        rows.append(score_frame(truth, claimed))
    return [mean(column) for column in zip(*rows)]


if __name__ == "__main__":
    report(("map", "f1", "hd95"), score_video)
