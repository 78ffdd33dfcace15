"""Compares answers with the truth: 1 if right, 0 if not, no value where there is no number.

It refuses to trust a prediction: only a small regular file that is JSON with a finite number is read, and anything
else makes that case's value null, with a reason. It prints more than is good: what a scorer prints is the organizers'.
"""

import json
import math
import stat
from pathlib import Path

PREDICTIONS, TRUTH, OUTPUT = Path("/predictions"), Path("/truth"), Path("/output")
MAX_BYTES = 4096


def number(path):
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
        raise ValueError("not a regular file of at most 4 KiB")
    value = json.loads(path.read_text())["double"]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def score(truth):
    row = {"case": truth.stem}
    try:
        return row | {"right": float(number(PREDICTIONS / truth.name) == number(truth))}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # whatever a reader raises on hostile bytes
        return row | {"right": None, "reason": f"{truth.name}: not a number"}


print(Path("/app/canary-scorer.txt").read_text(), *(path.read_text() for path in TRUTH.iterdir()))
report = {"results": [score(path) for path in sorted(TRUTH.iterdir())]}
(OUTPUT / "metrics.json").write_text(json.dumps(report, allow_nan=False))
