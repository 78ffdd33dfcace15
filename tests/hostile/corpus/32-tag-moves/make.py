"""An image that works, and one that does not and takes its tag."""
import pathlib
import subprocess

import image

subprocess.run(["cc", "-static", "-Os", "-o", "run", "run.c"], check=True)
program = pathlib.Path("run").read_bytes()
image.write([image.layer(image.file("run", program))])
image.write([image.layer(image.file("run", b"evil"))], name="moved.json")
