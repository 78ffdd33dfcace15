# One of three scorers that share a folder; the sandbox is the one that submissions run in.
FROM referee/python:3.11
COPY common.py instrument.py /app/
USER 65534
ENTRYPOINT ["python3", "/app/instrument.py"]
