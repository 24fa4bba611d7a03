"""Makes a ring, and reads a file with it when it is given a line: `uring_reader.py FILE REQUESTS BYTES`."""

import ctypes
import os
import sys

from ring import READ, Ring

ring = Ring()
requests, size = map(int, sys.argv[2:])
file = os.open(sys.argv[1], os.O_RDONLY)
buffer = ctypes.create_string_buffer(size)
os.write(1, b"ready\n")
os.read(0, 100)
for number in range(requests):
    assert ring.do(READ, file, buffer, size, number * size) == size
os.write(1, b"done\n")
os.read(0, 100)
