"""Scores phase recognition: Video_XX_Phases.csv, columns Frame and Phase, one row for every frame.

Per video, over the phases that occur in its truth (frames of no phase, "none", are left out):

f1  mean over phases of 2 TP / (2 TP + FP + FN)
ba  balanced accuracy, the mean over phases of TP / (TP + FN)

It refuses a table that lacks a frame or has one twice. It cannot check that no later frame was used for an earlier one.
"""

import csv

from common import Refused, mean, read_text, report


def read_phases(path):
    """Phase by frame number."""
    rows = list(csv.reader(read_text(path).splitlines()))
    if not rows or [cell.strip() for cell in rows[0]] != ["Frame", "Phase"]:
        raise Refused(f"the first line of {path.name} is not Frame,Phase")
    phases = {}
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != 2 or not (row[0].isascii() and row[0].isdigit() and len(row[0]) < 10):
            raise Refused(f"{path.name}, line {line}: not a frame number and a phase")
        if int(row[0]) in phases:
            raise Refused(f"{path.name}, line {line}: frame {int(row[0])} for the second time")
        phases[int(row[0])] = row[1].strip()
    return phases


def score_video(truth_folder, predicted_folder):
    truth = read_phases(truth_folder / f"{truth_folder.name}_Phases.csv")
    predicted = read_phases(predicted_folder / f"{truth_folder.name}_Phases.csv")
    missing = sorted(truth.keys() - predicted.keys())
    if missing:
        raise Refused(f"{len(missing)} of {len(truth)} frames have no phase, the first is {missing[0]}")
    pairs = [(phase, predicted[frame]) for frame, phase in truth.items() if phase != "none"]
    f1, recall = [], []
    for phase in sorted({true for true, _ in pairs}):
        hits = sum(true == guess == phase for true, guess in pairs)
        actual = sum(true == phase for true, _ in pairs)
        claimed = sum(guess == phase for _, guess in pairs)
        f1.append(2 * hits / (actual + claimed))
        recall.append(hits / actual)
    return mean(f1), mean(recall)


if __name__ == "__main__":
    report(("f1", "ba"), score_video)
