"""Scores keypoint estimation: Video_XX_Keypoints.json, one list of instruments for every 25th frame.

    {"frame_000025": [{"class": "grasper", "keypoints": [[x, y], [x, y], [x, y]], "score": 0.9}, ...], ...}

The three points are where the instrument enters the picture, its hinge, its tip; score is optional, 1 without.

map  COCO's average precision with object keypoint similarity instead of overlap: OKS is the mean over the points of
     exp(-d^2 / (2 area (2 sigma)^2)), sigma = 0.05. Per class that is in a frame's truth or prediction the area under
     the interpolated precision-recall curve, averaged over the thresholds .50:.05:.95; then the mean over classes,
     over frames, and in the end over videos. A frame without instruments counts 1 if none was claimed.

It refuses coordinates that are not finite numbers, and more than 100 instruments in a frame.
"""

import json
import math

import numpy as np

from common import Refused, mean, read_text, report

POINTS, SIGMA, THRESHOLDS = 3, 0.05, np.arange(0.5, 0.96, 0.05)


def finite(value):
    return type(value) in (int, float) and math.isfinite(value) and abs(value) < 1e6


def read_frames(path):
    try:
        frames = json.loads(read_text(path))
    except (ValueError, RecursionError):
        raise Refused(f"{path.name} is not valid JSON") from None
    if not isinstance(frames, dict):
        raise Refused(f"{path.name} is not an object of frames")
    return frames


def check(frame, instruments):
    if not isinstance(instruments, list) or len(instruments) > 100:
        raise Refused(f"{frame}: not a list of at most 100 instruments")
    for one in instruments:
        points = one.get("keypoints") if isinstance(one, dict) else None
        if not (isinstance(points, list) and len(points) == POINTS and isinstance(one.get("class"), str)
                and finite(one.get("score", 1.0))
                and all(isinstance(p, list) and len(p) == 2 and all(map(finite, p)) for p in points)):
            raise Refused(f"{frame}: an instrument is not a class with {POINTS} points")


def oks(true, claimed):
    squares = ((np.array(true["keypoints"], float) - np.array(claimed["keypoints"], float)) ** 2).sum(axis=1)
    return np.exp(-squares / (2 * true["area"] * (2 * SIGMA) ** 2)).mean()


def average_precision(truth, claims, threshold):
    """Claims in falling score take the most similar instrument that is still free."""
    if not truth or not claims:
        return 0.0
    free, hits = list(truth), []
    for claim in sorted(claims, key=lambda one: -one.get("score", 1.0)):
        similarity, best = max(((oks(one, claim), index) for index, one in enumerate(free)), default=(0, None))
        hits.append(best is not None and similarity >= threshold)
        if hits[-1]:
            free.pop(best)
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return envelope[np.array(hits)].sum() / len(truth)


def score_frame(truth, claims):
    classes = sorted({one["class"] for one in truth + claims})
    if not classes:
        return 1.0
    return mean(average_precision([one for one in truth if one["class"] == kind],
                                  [one for one in claims if one["class"] == kind], threshold)
                for kind in classes for threshold in THRESHOLDS)


def score_video(truth_folder, predicted_folder):
    name = f"{truth_folder.name}_Keypoints.json"
    truth, predicted = read_frames(truth_folder / name), read_frames(predicted_folder / name)
    missing = sorted(truth.keys() - predicted.keys())
    if missing:
        raise Refused(f"{len(missing)} of {len(truth)} frames are missing, the first is {missing[0]}")
    for frame in truth:
        check(frame, predicted[frame])
    return [mean(score_frame(truth[frame], predicted[frame]) for frame in sorted(truth))]


if __name__ == "__main__":
    report(("map",), score_video)
