"""A Dockerfile with a line of two megabytes."""
import pathlib

FIRST, LAST = "FROM referee/python:3.11\n", "ENTRYPOINT [\"true\"]\n"
pathlib.Path("Dockerfile").write_text(FIRST + "RUN echo " + "x" * 2_000_000 + "\n" + LAST)
