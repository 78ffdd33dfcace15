import json
import pathlib

for case in pathlib.Path("/input").iterdir():
    pathlib.Path("/output", case.name).write_text(json.dumps({"double": -1, case.read_text(): 0}))
