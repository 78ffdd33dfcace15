"""A Dockerfile of many steps that is small enough."""
import pathlib

FIRST, LAST = "FROM referee/python:3.11\n", "ENTRYPOINT [\"true\"]\n"
pathlib.Path("Dockerfile").write_text(FIRST + "RUN :\n" * 10_000 + LAST)
