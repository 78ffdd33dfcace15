"""A Dockerfile of fifty thousand steps."""
import pathlib

FIRST, LAST = "FROM referee/python:3.11\n", "ENTRYPOINT [\"true\"]\n"
pathlib.Path("Dockerfile").write_text(FIRST + "RUN true\n" * 50_000 + LAST)
