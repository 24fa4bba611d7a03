"""An echo server that does not block and asks again and again. Prints its port, serves one connection, and prints how
often there was something and how often there was nothing."""

import socket
import sys

with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
connection.setblocking(False)
received = again = 0
while True:
    try:
        data = connection.recv(4096)
    except BlockingIOError:
        again += 1
        continue
    received += 1
    if not data:
        break
    connection.send(data)
print(received, again, flush=True)
sys.stdin.read()
