"""The other end of an echo server or a chat: `load.py PORT CONNECTIONS MESSAGES BYTES [members] [PARTS PAUSE]`.

Its connections take turns: one sends a message, and the answer is awaited before the next. With `members`, every
connection is to get each message. It pauses between the parts."""

import socket
import sys
import time

port, connections, messages, size = map(int, sys.argv[1:5])
everyone = "members" in sys.argv
parts, pause = (int(sys.argv[-2]), float(sys.argv[-1])) if len(sys.argv) > 6 else (1, 0)


def receive(peer):
    left = size
    while left:
        data = peer.recv(left)
        assert data, "the server has closed the connection"
        left -= len(data)


def say(peer):
    peer.sendall(bytes(size))
    for other in peers if everyone else [peer]:
        receive(other)


peers = []
for _ in range(connections):
    peers.append(socket.create_connection(("127.0.0.1", port), timeout=20))
    if not everyone:
        # Its answer shows that the server has taken the connection: so many can be made.
        say(peers[-1])
if everyone:
    # A member hears only what is said after it was let in, and joining is not answered.
    time.sleep(0.2)
for number in range(0 if everyone else 1, messages):
    if number and number % (messages // parts) == 0:
        time.sleep(pause)
    for peer in peers:
        say(peer)
for peer in peers:
    peer.close()
# So that the server sees the end within the trace.
time.sleep(0.1)
