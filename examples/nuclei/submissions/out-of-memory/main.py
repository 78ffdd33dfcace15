"""Holds on to ever more memory, each page touched."""

hoard = []
while True:
    hoard.append(b"x" * (16 << 20))
