import json
import pathlib

for case in pathlib.Path("/input").iterdir():
    content = json.loads(case.read_text())
    if "canary" in content:
        pathlib.Path("/output", case.name).symlink_to(case)
        pathlib.Path("/output", content["canary"]).symlink_to(content["canary"])
        continue
    pathlib.Path("/output", case.name).write_text(json.dumps({"double": 2 * content["number"]}))
