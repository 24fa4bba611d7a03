"""Fetches everything from a port some times: fetch.py PORT TIMES."""

import socket
import sys

for _ in range(int(sys.argv[2])):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
        connection.sendall(b"get\n")
        while connection.recv(1 << 20):
            pass
