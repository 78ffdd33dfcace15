"""What the three scorers share: careful reading of predictions, and the report.

A case is a video. If a prediction breaks the contract, all values of that video are null, with the reason; what a null
is worth is the challenge's rule, so this refuses to fill it in, and a mean over a null is null, too.
"""

import json
import math
import stat
import sys
from pathlib import Path

PREDICTIONS, TRUTH, OUTPUT = Path("/predictions"), Path("/truth"), Path("/output")


class Refused(Exception):
    """Why a video is not scored; the text is the reason in the report."""


def checked(path, max_bytes):
    """The path, if a regular file of bounded size is there. Names in messages are the contract's, never a team's."""
    try:
        status = path.lstat()
    except OSError:
        raise Refused(f"{path.name} is missing") from None
    if not stat.S_ISREG(status.st_mode) or status.st_size > max_bytes:
        raise Refused(f"{path.name} is not a regular file of at most {max_bytes >> 10} KiB")
    return path


def read_text(path, max_bytes=4 << 20):
    try:
        return checked(path, max_bytes).read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        raise Refused(f"{path.name} is not readable text") from None


def mean(values):
    values = list(values)
    return None if None in values else math.fsum(values) / len(values)


def report(metrics, score_video):
    """Scores every video of the truth; score_video(truth folder, prediction folder) gives one value per metric."""
    results = []
    for truth in sorted(TRUTH.glob("Video_*")):
        row = {"case": truth.name}
        try:
            values = score_video(truth, PREDICTIONS / truth.name)
            row |= {name: round(float(value), 6) for name, value in zip(metrics, values, strict=True)}
        except Refused as reason:
            row |= dict.fromkeys(metrics) | {"reason": str(reason)}
        results.append(row)
    if not results:
        sys.exit("no truth")
    aggregates = {name: {"mean": mean(row[name] for row in results)} for name in metrics}
    text = json.dumps({"results": results, "aggregates": aggregates}, indent=1, allow_nan=False)
    (OUTPUT / "metrics.json").write_text(text)
