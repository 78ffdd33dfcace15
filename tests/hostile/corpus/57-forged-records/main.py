"""Names with line ends, which become records of their own for who reads an archive line by line."""

import json
import pathlib

hidden = False
for case in pathlib.Path("/input").iterdir():
    content = json.loads(case.read_text())
    hidden |= "canary" in content
    pathlib.Path("/output", case.name).write_text(json.dumps({"double": 2 * content["number"]}))
if hidden:
    pathlib.Path("/output/a").write_text("")
    for forged in ("path=output/a/b", "size=4096", "path=output/apple.json/b"):
        record = f"{len(forged) + 4} {forged}\n"
        name = pathlib.Path("/output", f"\u00e9\n{record}x")
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_text("")
