"""No instrument in any frame. Knows no other task: the image of the other one is built elsewhere."""

import json
from pathlib import Path

for video in sorted(Path("/phakir/inputs").glob("Video_*")):
    target = Path("/phakir/outputs") / video.name
    target.mkdir()
    frames = [path.stem for path in video.glob("Frames/*/frame_*.png") if int(path.stem[-6:]) % 25 == 0]
    (target / f"{video.name}_Keypoints.json").write_text(json.dumps({frame: [] for frame in sorted(frames)}))
