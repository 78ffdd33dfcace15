import json
import pathlib

for number in range(1, len(list(pathlib.Path("/input").iterdir())) + 1):
    pathlib.Path(f"/input/case_{number + 1}.json").read_text()
