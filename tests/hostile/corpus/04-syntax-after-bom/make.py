"""A Dockerfile that begins with a byte order mark."""
import pathlib

TEXT = "\ufeff# syntax=evil/frontend\nFROM referee/python:3.11\nUSER 65534\nENTRYPOINT [\"true\"]\n"
pathlib.Path("Dockerfile").write_text(TEXT)
