"""An echo server that changes its model: as many messages as it is told are served in each of three ways. Prints its
port, serves one connection, and waits for the end of its input."""

import ctypes
import select
import socket
import sys

from ring import RECV, SEND, Ring

with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
messages = int(sys.argv[1])

# It blocks.
for _ in range(messages):
    connection.send(connection.recv(4096))

# epoll says when.
connection.setblocking(False)
with select.epoll() as epoll:
    epoll.register(connection, select.EPOLLIN)
    for _ in range(messages):
        epoll.poll()
        connection.send(connection.recv(4096))

# It submits, and the result comes later.
ring = Ring()
buffer = ctypes.create_string_buffer(4096)
while length := ring.do(RECV, connection.fileno(), buffer, 4096):
    ring.do(SEND, connection.fileno(), buffer, length)
print("done", flush=True)
sys.stdin.read()
