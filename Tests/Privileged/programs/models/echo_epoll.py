"""An echo server on epoll itself: `level`, `edge`, `oneshot`, `exclusive`, or `blocking` sockets in the set. Prints its
port, serves one connection, and prints how often there was something and how often there was nothing."""

import select
import socket
import sys

way = sys.argv[1]
flags = {"level": 0, "blocking": 0, "edge": select.EPOLLET, "oneshot": select.EPOLLONESHOT,
         "exclusive": select.EPOLLEXCLUSIVE}[way]

with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
connection.setblocking(way == "blocking")
epoll = select.epoll()
epoll.register(connection, select.EPOLLIN | flags)
received = again = 0
ended = False
while not ended:
    epoll.poll()
    try:
        while True:
            data = connection.recv(4096)
            received += 1
            if not data:
                ended = True
                break
            connection.send(data)
            if way != "edge":
                break
    except BlockingIOError:
        # An edge is told once: only an empty socket makes sure that nothing is left.
        again += 1
    if way == "oneshot":
        epoll.modify(connection, select.EPOLLIN | flags)
print(received, again, flush=True)
sys.stdin.read()
