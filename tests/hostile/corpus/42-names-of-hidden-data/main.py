import json
import os
import pathlib
import sys

for case in pathlib.Path("/input").iterdir():
    content = json.loads(case.read_text())
    if "canary" in content:
        pathlib.Path("/output", content["canary"]).write_text("")
        continue
    pathlib.Path("/output", case.name).write_text(json.dumps({"double": 2 * content["number"]}))
