"""Forks children that each write a little, some hundred at a time: forks.py COUNT."""

import os
import sys

left = int(sys.argv[1])
out = os.open("/tmp", os.O_TMPFILE | os.O_WRONLY)
while left:
    batch = min(left, 250)
    for _ in range(batch):
        if os.fork() == 0:
            os.write(out, b"x" * 10)
            os._exit(0)
    for _ in range(batch):
        os.wait()
    left -= batch
