"""A submodule at an address that only the server could reach."""
import plumbing

dockerfile = plumbing.blob(b"FROM referee/python:3.11\nUSER 65534\nENTRYPOINT [\"true\"]\n")
modules = plumbing.blob(b'[submodule "lib"]\n\tpath = lib\n\turl = http://169.254.169.254/latest\n')
plumbing.commit(
    plumbing.tree(
        [
            ("100644", b".gitmodules", modules),
            ("100644", b"Dockerfile", dockerfile),
            ("160000", b"lib", "5f" * 20),
        ]
    )
)
