import json
import pathlib

for case in sorted(pathlib.Path("/input").iterdir())[1:]:
    number = json.loads(case.read_text())["number"]
    pathlib.Path("/output", case.name).write_text(json.dumps({"double": 2 * number}))
