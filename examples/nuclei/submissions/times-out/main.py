"""Sleeps for ever, and takes no notice of SIGTERM."""

import signal
import time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(60)
