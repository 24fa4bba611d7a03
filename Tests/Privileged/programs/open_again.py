"""Opens the same files again and again: more often than a thread gets records of its own, as other fds, under other
names, in two threads at a time, and after a pause in which nothing is opened. Prints the bytes read by path."""

import json
import os
import sys
import threading
import time

directory = sys.argv[1]
totals = {}
lock = threading.Lock()


def read(path, length, hold=None):
    fd = os.open(path, os.O_RDONLY)
    assert len(os.read(fd, length)) == length
    if hold:
        hold()
    os.close(fd)
    with lock:
        totals[path] = totals.get(path, 0) + length


def path(name):
    return os.path.join(directory, name)


os.mkdir(path("pages"))
for name in "abc":
    with open(path(f"pages/{name}"), "wb") as file:
        file.write(b"x" * 100)

for _ in range(4200):
    read(path("pages/a"), 1)
for turn in range(500):  # a and b as one fd and as the other
    first, second = ("pages/a", "pages/b") if turn % 2 else ("pages/b", "pages/a")
    read(path(first), 2, lambda: read(path(second), 3))
for _ in range(300):  # the same file as two fds at a time
    read(path("pages/a"), 4, lambda: read(path("pages/a"), 5))
os.rename(path("pages/b"), path("pages/d"))
for _ in range(200):
    read(path("pages/d"), 6)
os.rename(path("pages"), path("moved"))
for _ in range(200):
    read(path("moved/d"), 7)
    read(path("moved/c"), 8)
os.unlink(path("moved/c"))
with open(path("moved/c"), "wb") as file:  # another file of the same name
    file.write(b"y" * 100)
for _ in range(200):
    read(path("moved/c"), 9)

time.sleep(3.5)  # several readings of the collector
for _ in range(50):
    read(path("moved/a"), 10)


def many(name):
    for _ in range(5000):
        read(path(name), 11)


threads = [threading.Thread(target=many, args=[name]) for name in ("moved/a", "moved/a", "moved/d")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(totals))
