import os
import sys

out = os.open("/output/fill", os.O_CREAT | os.O_WRONLY)
os.unlink("/output/fill")
written = 0
try:
    while written < 200 << 30:
        written += os.write(out, bytes(1 << 20))
except OSError as error:
    print(error)
# Two is what nobody expects: more was taken than the limit.
sys.exit(2 if written > 9 << 20 else 0)
