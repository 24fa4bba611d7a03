"""Opens one file of each type, does one operation on it, and prints what iotrace should say of it."""

import ctypes
import json
import os
import select
import socket
import struct
import sys

directory = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
expected = []
keep = []


def expect(fd, type, **more):
    expected.append({"fd": fd, "type": type, **more})


path = f"{directory}/plain file"
fd = os.open(path, os.O_RDWR | os.O_CREAT)
os.write(fd, b"x" * 4097)
expect(fd, "regular", path=path, bytes_out=4097, bytes_in=0, nonblocking=False, in_epoll=False)

fd = os.open(os.fsencode(directory) + b"/na\xffme", os.O_RDWR | os.O_CREAT)
os.write(fd, b"x")
expect(fd, "regular", path=f"{directory}/na\\xFFme")

fd = os.open("/dev/null", os.O_WRONLY)
os.write(fd, b"gone")
expect(fd, "char", path="/dev/null", bytes_out=4)

fd = os.open("/dev/zero", os.O_RDONLY)
os.read(fd, 10)
expect(fd, "char", path="/dev/zero", bytes_in=10)

os.mkfifo(f"{directory}/fifo")
fd = os.open(f"{directory}/fifo", os.O_RDWR | os.O_NONBLOCK)
os.write(fd, b"abc")
expect(fd, "fifo", path=f"{directory}/fifo", bytes_out=3, nonblocking=True)

reading, writing = os.pipe()
os.write(writing, b"12345")
os.read(reading, 5)
expect(reading, "pipe", path=None, bytes_in=5)
expect(writing, "pipe", path=None, bytes_out=5)

fd = os.eventfd(1, os.EFD_NONBLOCK)
os.read(fd, 8)
expect(fd, "eventfd", bytes_in=8, nonblocking=True)

fd = libc.timerfd_create(1, 0)
libc.timerfd_settime(fd, 0, struct.pack("qqqq", 0, 0, 0, 1000), None)
os.read(fd, 8)
expect(fd, "timerfd", bytes_in=8)

fd = os.memfd_create("scratch")
os.write(fd, b"memory")
expect(fd, "regular", bytes_out=6, path_contains="scratch")

epoll = select.epoll()
keep.append(epoll)
watched, other = socket.socketpair()
keep += [watched, other]
watched.setblocking(False)
epoll.register(watched, select.EPOLLIN)
other.send(b"wake")
epoll.poll()
watched.recv(4)
expect(epoll.fileno(), "epoll")
expect(watched.fileno(), "unix_stream", in_epoll=True, nonblocking=True, bytes_in=4)
expect(other.fileno(), "unix_stream", in_epoll=False, nonblocking=False, bytes_out=4)

for family, host, form in ((socket.AF_INET, "127.0.0.1", "127.0.0.1:%d"), (socket.AF_INET6, "::1", "[::1]:%d")):
    listener = socket.create_server((host, 0), family=family)
    client = socket.create_connection(listener.getsockname()[:2])
    server, _ = listener.accept()
    keep += [listener, client, server]
    client.send(b"question")
    server.recv(100)
    here, there = form % listener.getsockname()[1], form % client.getsockname()[1]
    expect(listener.fileno(), "tcp", local=here, peer=None)
    expect(client.fileno(), "tcp", local=there, peer=here, bytes_out=8)
    expect(server.fileno(), "tcp", local=here, peer=there, bytes_in=8)

    receiver = socket.socket(family, socket.SOCK_DGRAM)
    receiver.bind((host, 0))
    sender = socket.socket(family, socket.SOCK_DGRAM)
    sender.connect(receiver.getsockname())
    keep += [receiver, sender]
    sender.send(b"datagram")
    receiver.recv(100)
    here, there = form % receiver.getsockname()[1], form % sender.getsockname()[1]
    expect(receiver.fileno(), "udp", local=here, bytes_in=8)
    expect(sender.fileno(), "udp", local=there, peer=here, bytes_out=8)

for address, shown in ((f"{directory}/socket", f"{directory}/socket"), (f"\0iotrace-{os.getpid()}", f"@iotrace-{os.getpid()}")):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    client = socket.socket(socket.AF_UNIX)
    client.connect(address)
    server, _ = listener.accept()
    keep += [listener, client, server]
    client.send(b"question")
    server.recv(100)
    expect(listener.fileno(), "unix_stream", local=shown)
    expect(client.fileno(), "unix_stream", peer=shown, bytes_out=8)
    expect(server.fileno(), "unix_stream", local=shown, bytes_in=8)

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(f"{directory}/datagrams")
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sender.connect(f"{directory}/datagrams")
keep += [receiver, sender]
sender.send(b"dgram")
receiver.recv(100)
expect(receiver.fileno(), "unix_dgram", local=f"{directory}/datagrams", bytes_in=5)
expect(sender.fileno(), "unix_dgram", peer=f"{directory}/datagrams", bytes_out=5)

left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
keep += [left, right]
left.send(b"packet")
expect(left.fileno(), "unix_seqpacket", bytes_out=6)

fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
os.fsync(fd)
expect(fd, "directory", path=directory)

main, terminal = os.openpty()
os.write(terminal, b"tty")
expect(terminal, "tty", bytes_out=3)

print(json.dumps(expected))
