"""A chat on one thread: select() looks at all members in each turn. Prints its port, and serves."""

import select
import socket

unsent = {}  # what each member is still to get

with socket.create_server(("127.0.0.1", 0)) as listener:
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    while True:
        waiting = [member for member in unsent if unsent[member]]
        readable, writable, _ = select.select([listener, *unsent], waiting, [])
        for ready in readable:
            if ready is listener:
                member, _ = listener.accept()
                member.setblocking(False)
                unsent[member] = b""
            elif said := ready.recv(4096):
                for member in unsent:
                    unsent[member] += said
            else:
                del unsent[ready]
                ready.close()
        for member in writable:
            if unsent.get(member):
                unsent[member] = unsent[member][member.send(unsent[member]):]
