"""An echo server that a signal tells of input. Prints its port, serves one connection, and prints how often there was
something and how often there was nothing."""

import fcntl
import os
import signal
import socket
import sys

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGIO])
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
connection.setblocking(False)
fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
fcntl.fcntl(connection, fcntl.F_SETFL, fcntl.fcntl(connection, fcntl.F_GETFL) | os.O_ASYNC)
received = again = 0
ended = False
while not ended:
    try:
        while True:
            data = connection.recv(4096)
            received += 1
            if not data:
                ended = True
                break
            connection.send(data)
    except BlockingIOError:
        again += 1
        signal.sigwait([signal.SIGIO])
print(received, again, flush=True)
sys.stdin.read()
