"""Looks at each tile and keeps what it saw to itself."""

from pathlib import Path

for path in sorted(Path("/input").glob("*.png")):
    print(path.name, path.stat().st_size)
