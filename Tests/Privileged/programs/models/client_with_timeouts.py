"""A client whose connections have a timeout, one after the other: before each call, Python asks poll() whether it can go
ahead. Waits for a line, and then makes `client_with_timeouts.py PORT CONNECTIONS MESSAGES` of 100 bytes each."""

import os
import socket
import sys

port, connections, messages = map(int, sys.argv[1:])
os.write(1, b"ready\n")
os.read(0, 100)
for _ in range(connections):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        for _ in range(messages):
            peer.sendall(bytes(100))
            assert len(peer.recv(100)) == 100
os.write(1, b"done\n")
os.read(0, 100)
