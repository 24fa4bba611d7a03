"""Sends a file to everybody who connects: file_server.py sendfile|read PORT FILE."""

import socket
import sys

way, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
listener = socket.create_server(("127.0.0.1", port))
while True:
    connection, _ = listener.accept()
    with connection, open(path, "rb") as file:
        if not connection.recv(100):
            continue
        connection.sendall(b"200 OK\n")
        if way == "sendfile":
            connection.sendfile(file)
        else:
            while block := file.read(1 << 16):
                connection.sendall(block)
