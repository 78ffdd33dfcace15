import json
import pathlib

for case in pathlib.Path("/input").iterdir():
    content = json.loads(case.read_text())
    answer = {"double": 2 * content["number"]}
    if "canary" in content:
        answer[content["canary"]] = content["canary"]
    pathlib.Path("/output", case.name).write_text(json.dumps(answer))
