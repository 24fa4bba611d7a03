"""Does a known amount of something: limits.py DIRECTORY WHAT NUMBERS…"""

import os
import select
import socket
import sys
import time

directory, what, numbers = sys.argv[1], sys.argv[2], [float(word) for word in sys.argv[3:]]
source = os.open(f"{directory}/source", os.O_RDONLY)

if what == "send":  # so many bytes by sendfile, so many from memory in one piece
    by_reference, copied = map(int, numbers)
    listener = socket.create_server(("127.0.0.1", 0))
    receiver = os.fork()
    if receiver == 0:
        with socket.create_connection(listener.getsockname()) as connection:
            while connection.recv(1 << 20):
                pass
        os._exit(0)
    connection, _ = listener.accept()
    sent = 0
    while sent < by_reference:
        sent += os.sendfile(connection.fileno(), source, sent, by_reference - sent)
    if copied:
        connection.sendall(bytes(copied))
    connection.close()
    os.waitpid(receiver, 0)
elif what == "into-file":
    target = os.open(f"{directory}/target", os.O_WRONLY | os.O_CREAT)
    os.sendfile(target, source, 0, int(numbers[0]))
elif what == "model":  # so many reads that poll announced, so many of a file
    announced, plain = map(int, numbers)
    reader, writer = socket.socketpair()
    poller = select.poll()
    poller.register(reader, select.POLLIN)
    poller.register(writer, select.POLLOUT)
    for _ in range(announced):
        poller.poll()
        writer.send(b"x")
        poller.poll()
        reader.recv(1)
    for _ in range(plain):
        os.read(source, 1)
elif what == "sleep":
    os.write(os.open(f"{directory}/target", os.O_WRONLY | os.O_CREAT), b"payload")
    time.sleep(numbers[0])
