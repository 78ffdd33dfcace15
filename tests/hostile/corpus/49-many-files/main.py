import pathlib

try:
    for n in range(10_000):
        pathlib.Path(f"/output/{n}").touch()
except OSError as error:
    print(error)
