import json
import pathlib

for case in pathlib.Path("/input").iterdir():
    number = json.loads(case.read_text())["number"]
    pathlib.Path("/output", case.name).write_text(json.dumps({"double": 2 * number}))
