"""The phase of every frame is preparation. Knows no other task: the image of the other one is built elsewhere."""

from pathlib import Path

for video in sorted(Path("/phakir/inputs").glob("Video_*")):
    target = Path("/phakir/outputs") / video.name
    target.mkdir()
    frames = sorted(int(path.stem.removeprefix("frame_")) for path in video.glob("Frames/*/frame_*.png"))
    table = ["Frame,Phase", *(f"{frame},preparation" for frame in frames)]
    (target / f"{video.name}_Phases.csv").write_text("\n".join(table) + "\n")
