import os

with open("/output/apple.json", "w") as out:
    os.truncate(out.fileno(), 15 << 20)
