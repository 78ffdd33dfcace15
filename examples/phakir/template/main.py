"""Walks over /phakir/inputs frame by frame and writes what the task in REFEREE_TASK asks for, in the right places.

Only `predict` is yours to replace. The walk handles what is easily got wrong: every video has its own folder of
results, frames go on in Frames/1000, and keypoints and masks are asked for in every 25th frame only.
"""

import csv
import json
import os
from pathlib import Path

import numpy as np
from PIL import Image

INPUTS, OUTPUTS = Path("/phakir/inputs"), Path("/phakir/outputs")
PHASES = ["preparation", "dissection", "clipping", "cleaning"]


# TEMPLATE: replace this function with your method
def predict(task, pixels):
    """What is in this frame? Called in the order of time, because the setting is online: no frame sees a later one."""
    if task == "phase-recognition":
        return PHASES[0]
    if task == "keypoint-estimation":  # [{"class": "grasper", "keypoints": [entry, hinge, tip], "score": 0.9}, ...]
        return []
    return np.zeros(pixels.shape, dtype=np.uint8)  # 0, or 10 * class + instance: 11, 12 graspers, 21, 22 scissors


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
                rows.writerows([int(name.removeprefix("frame_")), phase] for name, _, phase in results)
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
