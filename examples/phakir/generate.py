"""Generates this challenge's videos and their exact truth: instruments that move over a textured background.

    python3 generate.py            writes sample/ and data/ beside this file

Nothing here was ever in a patient: the contract is PhaKIR's, the pictures are arithmetic. Truth is exact because the
mask is what was drawn. One sample and one test video have more than 1000 frames, hence a second folder under Frames/,
because handling the first folder alone was a real and common mistake; they are smaller, to keep the repository small.
The same seed gives the same files; refuses to overwrite, so that stale frames cannot survive: delete both folders first.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SEED = 2024
PHASES = ["preparation", "dissection", "clipping", "cleaning"]
CREW = {  # which instruments each phase shows; the number is the class in a mask
    "preparation": ["grasper"],
    "dissection": ["grasper", "scissor"],
    "clipping": ["grasper", "grasper", "scissor"],
    "cleaning": [],
}
CLASSES = {"grasper": 1, "scissor": 2}
GREY = {"grasper": 15, "scissor": 12}  # of 16 levels
EVERY = 25  # keypoints and masks are annotated in every 25th frame
SHORT, LONG = (76, 96, 64), (1026, 48, 32)  # frames, width, height
SETS = {
    "sample": {"Video_01": SHORT, "Video_02": LONG},
    "data/validation": {"Video_03": SHORT, "Video_04": SHORT},
    "data/test": {"Video_05": SHORT, "Video_06": SHORT, "Video_07": LONG},
}


def smooth_noise(rng, height, width, cells):
    """Noise in [-1, 1] that varies over 1/cells of the picture."""
    coarse = Image.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def near(points, start, end, radius_start, radius_end):
    """Pixels within a bar from start to end whose half width goes from one radius to the other."""
    along = end - start
    t = np.clip((points - start) @ along / (along @ along), 0, 1)
    distance = np.linalg.norm(points - start - t[..., None] * along, axis=-1)
    return distance <= radius_start + t * (radius_end - radius_start)


def rotated(vector, angle):
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([cosine * vector[0] - sine * vector[1], sine * vector[0] + cosine * vector[1]])


class Instrument:
    """One instrument: where it enters the picture, and the slow path of its hinge."""

    def __init__(self, rng, kind, slot, size):
        self.kind, self.size, self.unit = kind, np.array(size), size[1] / 64
        self.entry = np.array([0 if slot % 2 == 0 else size[0] - 1, size[1] * (0.2, 0.3, 0.8)[slot]])
        self.home = self.size * [(0.36, 0.66, 0.42)[slot], (0.25, 0.45, 0.75)[slot]]
        self.swing = rng.uniform(0.03, 0.1, 2) * self.size
        self.pace, self.start = rng.uniform(1, 3, 2), rng.uniform(0, 2 * np.pi, 2)

    def pose(self, progress):
        hinge = self.home + self.swing * np.sin(2 * np.pi * self.pace * progress + self.start)
        direction = (hinge - self.entry) / np.linalg.norm(hinge - self.entry)
        return hinge, hinge + direction * 12 * self.unit, direction

    def draw(self, points, progress):
        hinge, tip, direction = self.pose(progress)
        shape = near(points, self.entry, hinge, 3.2 * self.unit, 3.2 * self.unit)
        if self.kind == "grasper":
            return shape | near(points, hinge, tip, 3.2 * self.unit, 1.2 * self.unit)
        for angle in (-0.35, 0.35):
            blade = hinge + rotated(direction, angle) * 12 * self.unit
            shape |= near(points, hinge, blade, 2 * self.unit, 1.0 * self.unit)
        return shape

    def keypoints(self, progress):
        hinge, tip, _ = self.pose(progress)
        return [[round(float(x), 1), round(float(y), 1)] for x, y in (self.entry, hinge, tip)]


def timeline(rng, frames):
    """The phase of each frame; the two frames around a change belong to none. Also the frames of the cuts."""
    share = rng.uniform(0.7, 1.3, len(PHASES))
    ends = np.round(np.cumsum(share / share.sum()) * frames).astype(int)
    shown = [PHASES[int(np.searchsorted(ends, frame, side="right"))] for frame in range(frames)]
    told = list(shown)
    for end in ends[:-1]:
        told[end - 1] = told[end] = "none"
    return shown, told, sorted(int(end) for end in rng.choice(ends[:-1], 2, replace=False))


def render(rng, frames, width, height):
    """Yields (frame, pixels, mask, instruments in view), and first of all the timeline."""
    shown, told, cuts = timeline(rng, frames)
    yield told, cuts
    points = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(float)
    tissue = smooth_noise(rng, height, width, 4) + 0.6 * smooth_noise(rng, height, width, 9)
    light = rng.uniform(-0.5, 0.5)
    crews = {phase: [Instrument(rng, kind, slot, (width, height)) for slot, kind in enumerate(crew)]
             for phase, crew in CREW.items()}
    glints = rng.uniform(0.1, 0.9, (3, 2)) * [width, height]
    for frame in range(frames):
        progress, phase = frame / frames, shown[frame]
        level = 3.0 + 1.2 * PHASES.index(phase) + light + 0.5 * np.sin(9 * np.pi * progress)
        picture = np.round(level + 1.2 * tissue).clip(1, 10)
        speckled = rng.random((height, width)) < 0.01
        picture[speckled] += rng.integers(-1, 2, speckled.sum())
        mask = np.zeros((height, width), dtype=np.uint8)
        count = dict.fromkeys(CLASSES, 0)
        for number, glint in enumerate(glints):  # wet spots, as bright as steel
            if np.sin(7 * progress * (number + 2)) > 0.3:
                picture[np.linalg.norm(points - glint, axis=-1) < 2.5 * height / 64] = 14
        for instrument in crews[phase]:
            shape = instrument.draw(points, progress)
            count[instrument.kind] += 1
            picture[shape] = GREY[instrument.kind]
            mask[shape] = 10 * CLASSES[instrument.kind] + count[instrument.kind]
        yield frame, (picture.clip(0, 15) * 17).astype(np.uint8), mask, crews[phase]


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def save(pixels, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, optimize=True)


def write_video(root, name, shape):
    scenes = render(np.random.default_rng([SEED, int(name[-2:])]), *shape)
    told, cuts = next(scenes)
    truth = {task: root / task / "truth" / name
             for task in ("phase-recognition", "keypoint-estimation", "instrument-segmentation")}
    write_rows(root / "inputs" / name / f"{name}_Cuts.csv", [["Frame"], *([cut] for cut in cuts)])
    write_rows(truth["phase-recognition"] / f"{name}_Phases.csv", [["Frame", "Phase"], *enumerate(told)])
    keypoints = {}
    for frame, picture, mask, crew in scenes:
        place = f"{frame // 1000 * 1000}/frame_{frame:06d}.png"
        save(picture, root / "inputs" / name / "Frames" / place)
        if frame % EVERY == 0:
            save(mask, truth["instrument-segmentation"] / f"{name}_Masks" / place)
            box = shape[2] * shape[2] / 4  # the same scale for every instrument of a video
            keypoints[f"frame_{frame:06d}"] = [
                {"class": one.kind, "keypoints": one.keypoints(frame / shape[0]), "area": box} for one in crew]
    path = truth["keypoint-estimation"] / f"{name}_Keypoints.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(keypoints, indent=1) + "\n")


def main():
    here = Path(__file__).parent
    for folder in ("sample", "data"):
        if (here / folder).exists():
            sys.exit(f"{folder}/ exists; delete it first")
    for folder, videos in SETS.items():
        for name, shape in videos.items():
            write_video(here / folder, name, shape)


if __name__ == "__main__":
    main()
