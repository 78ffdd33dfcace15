import json
import pathlib

pathlib.Path("/app/cache.txt").write_text("cache")
