"""Runs while the image is built and prints the settings of main.py."""

import json

print(json.dumps({"sigma": 1.0, "smallest": 30}))
