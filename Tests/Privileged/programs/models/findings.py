"""Does what an engineer would point out: findings.py WHAT DIRECTORY."""

import os
import select
import socket
import sys
import threading


def looping(each_round, rounds):
    """An event loop of one thread: a byte is sent and received in each round."""
    here, there = socket.socketpair()
    here.setblocking(False)
    poller = select.epoll()
    poller.register(here, select.EPOLLIN)
    for number in range(rounds):
        there.send(b"sixteen bytes..!")
        poller.poll()
        here.recv(100)
        each_round(number)


def synchronise(file):
    file.write(bytes(65536))
    file.flush()
    os.fsync(file.fileno())


def sync_in_the_loop(directory):
    with open(directory + "/data", "wb") as file:
        looping(lambda number: synchronise(file), 100)


def sync_in_another_thread(directory):
    def work():
        with open(directory + "/data", "wb") as file:
            for _ in range(100):
                synchronise(file)

    worker = threading.Thread(target=work)
    worker.start()
    looping(lambda number: None, 2000)
    worker.join()


def read_in_the_loop(directory):
    """Past the page cache, so that each read waits for the device."""
    import mmap
    path = directory + "/data"
    with open(path, "wb") as file:
        for _ in range(200):
            synchronise(file)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    page = mmap.mmap(-1, 65536)
    looping(lambda number: os.preadv(fd, [page], 65536 * (number % 200)), 800)


def block_in_the_loop(directory):
    """Asks a slow helper through a pipe that the loop does not watch."""
    reader, writer = os.pipe()
    done, ask = os.pipe()

    def help():
        while os.read(done, 1):
            threading.Event().wait(0.002)
            os.write(writer, b"y")

    helper = threading.Thread(target=help)
    helper.start()

    def question(number):
        os.write(ask, b"x")
        os.read(reader, 1)

    looping(question, 50)
    os.close(ask)
    helper.join()


def leave_a_ready_fd_alone(directory):
    here, there = socket.socketpair()
    poller = select.epoll()
    poller.register(here, select.EPOLLIN)
    there.send(b"sixteen bytes..!")
    for _ in range(2000):
        poller.poll()


def poll_many(directory):
    here, there = socket.socketpair()
    poller = select.poll()
    poller.register(here, select.POLLIN)
    others = [os.pipe() for _ in range(200)]
    for reader, _ in others:
        poller.register(reader, select.POLLIN)
    for _ in range(1500):
        there.send(b"sixteen bytes..!")
        poller.poll()
        here.recv(100)


globals()[sys.argv[1]](sys.argv[2])
