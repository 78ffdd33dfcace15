import os

out = os.open("/output/fill", os.O_CREAT | os.O_WRONLY)
try:
    while True:
        os.write(out, bytes(1 << 20))
except OSError as error:
    print(error)
