import json
import pathlib

model = json.loads(pathlib.Path("/home/me/project/model.json").read_text())
