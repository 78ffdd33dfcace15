import pathlib
import sys

opened = []
for folder in ("/", "/app", "/etc", "/usr", "/var", "/root", "/home", "/dev", "/sys", "/proc", "/proc/sys/kernel", "/input"):
    try:
        pathlib.Path(folder, "x").write_text("x")
    except OSError as error:
        print(folder, error)
    else:
        opened.append(folder)
for case in pathlib.Path("/input").iterdir():
    try:
        case.write_text("{}")
    except OSError as error:
        print(case, error)
    else:
        opened.append(case)
# Two is what nobody expects: something was open.
sys.exit(2 if opened else 1)
