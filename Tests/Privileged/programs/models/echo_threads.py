"""An echo server that blocks, with a thread for each connection. Prints its port, and serves."""

import socket
import threading


def echo(connection):
    with connection:
        while data := connection.recv(4096):
            connection.send(data)


with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=[connection], daemon=True).start()
