"""Does one transfer per line of standard input, as Python programs do it, and answers when it is done."""

import mmap
import os
import shutil
import socket
import sys


def copyfile(source, sink):
    shutil.copyfile(source, sink)


def serve(path, port):
    with socket.create_connection(("127.0.0.1", int(port))) as peer, open(path, "rb") as file:
        peer.sendfile(file)


def read_cold(path):
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    while os.read(fd, 1 << 16):
        pass
    os.close(fd)


def map_cold(path):
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as pages:
            for at in range(0, len(pages), mmap.PAGESIZE):
                pages[at]


def write_and_sync(path, size):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for _ in range(int(size) >> 16):
        os.write(fd, bytes(1 << 16))
    os.fsync(fd)
    os.close(fd)


# Without a buffer of its own: each line is one read.
while line := os.read(0, 4096).decode():
    verb, *arguments = line.split()
    globals()[verb](*arguments)
    os.write(1, b"done\n")
