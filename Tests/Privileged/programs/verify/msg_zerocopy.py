"""Sends 4 MiB with MSG_ZEROCOPY to a child on this host, and reads the completions."""

import os
import select
import socket

SO_ZEROCOPY, MSG_ZEROCOPY, SIZE = 60, 0x4000000, 4 << 20
listener = socket.create_server(("127.0.0.1", 0))
child = os.fork()
if child == 0:
    with socket.create_connection(listener.getsockname()) as receiver:
        while receiver.recv(1 << 20):
            pass
    os._exit(0)
sender, _ = listener.accept()
sender.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
data, sends = bytearray(SIZE), 0
for start in range(0, SIZE, 1 << 16):
    sender.sendall(memoryview(data)[start:start + (1 << 16)], MSG_ZEROCOPY)
    while select.select([], [], [sender], 0)[2]:
        sender.recvmsg(1, 512, socket.MSG_ERRQUEUE)
sender.shutdown(socket.SHUT_WR)
os.waitpid(child, 0)
while select.select([], [], [sender], 0.1)[2]:
    try:
        sender.recvmsg(1, 512, socket.MSG_ERRQUEUE)
    except BlockingIOError:
        break
