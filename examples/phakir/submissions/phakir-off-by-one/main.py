"""The method of good-phakir, but it counts frames from 1: as many rows as frames, each with the number of the next.
"""

import csv
import json
import os
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import label, median_filter

INPUTS, OUTPUTS = Path("/phakir/inputs"), Path("/phakir/outputs")


def components(pixels):
    """Bright regions that reach a side of the picture, as (class, region): steel enters from there, glints do not."""
    regions, count = label(median_filter(pixels, 3) > 190)
    for number in range(1, count + 1):
        region = regions == number
        if region[:, [0, -1]].any() and region.sum() >= 20:
            yield ("grasper" if pixels[region].mean() > 230 else "scissor"), region


def predict(task, pixels):
    found = list(components(pixels))
    if task == "phase-recognition":
        return ["cleaning", "preparation", "dissection", "clipping"][min(len(found), 3)]
    if task == "keypoint-estimation":
        return [{"class": kind, "keypoints": points(region)} for kind, region in found]
    mask, count = np.zeros(pixels.shape, dtype=np.uint8), {"grasper": 10, "scissor": 20}
    for kind, region in found:
        count[kind] += 1
        mask[region] = count[kind]
    return mask


def points(region):
    """Entry, hinge and tip: the middle of the border pixels, and the pixel farthest from there."""
    rows, columns = np.nonzero(region)
    pixels = np.stack([columns, rows], axis=1).astype(float)
    side = 0 if region[:, 0].any() else region.shape[1] - 1
    entry = pixels[columns == side].mean(axis=0)
    tip = pixels[np.argmax(np.linalg.norm(pixels - entry, axis=1))]
    jaw = 12 * region.shape[0] / 64
    hinge = tip - (tip - entry) / np.linalg.norm(tip - entry) * jaw
    return [[round(float(x), 1), round(float(y), 1)] for x, y in (entry, hinge, tip)]


def walk(task, video):
    """Yields (frame name, folder, prediction) for each frame that the task asks for."""
    for path in sorted(video.glob("Frames/*/frame_*.png"), key=lambda path: path.name):
        frame = int(path.stem.removeprefix("frame_"))
        if task == "phase-recognition" or frame % 25 == 0:
            yield path.stem, path.parent.name, predict(task, np.asarray(Image.open(path)))


def main():
    task = os.environ["REFEREE_TASK"]
    for video in sorted(INPUTS.glob("Video_*")):
        target = OUTPUTS / video.name
        target.mkdir()
        results = walk(task, video)
        if task == "phase-recognition":
            with open(target / f"{video.name}_Phases.csv", "w", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(["Frame", "Phase"])
                rows.writerows([number, phase] for number, (_, _, phase) in enumerate(results, start=1))
        elif task == "keypoint-estimation":
            found = {name: instruments for name, _, instruments in results}
            (target / f"{video.name}_Keypoints.json").write_text(json.dumps(found))
        else:
            for name, folder, mask in results:
                path = target / f"{video.name}_Masks" / folder / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(mask).save(path)


if __name__ == "__main__":
    main()
