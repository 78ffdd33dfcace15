import base64
import gzip
import json
import pathlib
import sys

for case in pathlib.Path("/input").iterdir():
    data = f"{case} {case.read_text()}".encode()
    forms = [
        data,
        base64.b64encode(data),
        base64.urlsafe_b64encode(b"1" + data),
        data.hex().encode(),
        base64.b64encode(gzip.compress(data)),
    ]
    for stream in (sys.stdout, sys.stderr):
        for form in forms:
            print(form.decode(), file=stream, flush=True)
    number = json.loads(case.read_text())["number"]
    pathlib.Path("/output", case.name).write_text(json.dumps({"double": 2 * number}))
