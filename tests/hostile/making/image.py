"""Images made by hand, as a registry takes them: blobs in `blobs/`, and a manifest beside them.

Good until a caller changes something. Nothing here needs an engine.
"""

import gzip
import hashlib
import io
import json
import pathlib
import tarfile

OCI = "application/vnd.oci.image"


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def file(path, content):
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), 0o755
    return entry, content


def link(path, target):
    entry = tarfile.TarInfo(path)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    return entry, b""


def layer(*entries):
    """A layer, not compressed."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for entry, content in entries:
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def write(layers, **more):
    """An image of these layers."""
    blobs = [gzip.compress(one, 6, mtime=0) for one in layers]
    write_blobs(blobs, [digest(one) for one in layers], **more)


def write_blobs(blobs, diff_ids, config=None, change=lambda manifest: None, name="manifest.json"):
    """An image of these compressed layers, which claims that they unpack to what has those digests. `config` is added
    to its configuration; `change` is called with its manifest."""
    configuration = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"User": "65534", "Entrypoint": ["/run"]} | (config or {}),
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    configuration = json.dumps(configuration).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": {"mediaType": f"{OCI}.config.v1+json", "digest": digest(configuration), "size": len(configuration)},
        "layers": [
            {"mediaType": f"{OCI}.layer.v1.tar+gzip", "digest": digest(blob), "size": len(blob)} for blob in blobs
        ],
    }
    change(manifest)
    folder = pathlib.Path("blobs")
    folder.mkdir(exist_ok=True)
    for blob in [configuration, *blobs]:
        folder.joinpath(digest(blob).split(":")[1]).write_bytes(blob)
    pathlib.Path(name).write_text(json.dumps(manifest))
