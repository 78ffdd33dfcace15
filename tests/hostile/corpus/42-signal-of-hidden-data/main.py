import json
import os
import pathlib
import sys

for case in pathlib.Path("/input").iterdir():
    content = json.loads(case.read_text())
    if "canary" in content:
        os.kill(os.getpid(), content["number"] % 9 + 1)
    pathlib.Path("/output", case.name).write_text(json.dumps({"double": 2 * content["number"]}))
