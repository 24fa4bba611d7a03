"""A chat on one thread: poll() is given all members in each turn. Prints its port, and serves."""

import select
import socket

members = {}  # sockets by fd
unsent = {}  # what each of them is still to get
poll = select.poll()

with socket.create_server(("127.0.0.1", 0)) as listener:
    listener.setblocking(False)
    poll.register(listener, select.POLLIN)
    print(listener.getsockname()[1], flush=True)
    while True:
        for fd, events in poll.poll():
            if fd == listener.fileno():
                member, _ = listener.accept()
                member.setblocking(False)
                members[member.fileno()], unsent[member.fileno()] = member, b""
                poll.register(member, select.POLLIN)
                continue
            if events & select.POLLIN:
                if said := members[fd].recv(4096):
                    for other in members:
                        unsent[other] += said
                        poll.modify(other, select.POLLIN | select.POLLOUT)
                else:
                    poll.unregister(fd)
                    members.pop(fd).close()
                    del unsent[fd]
                    continue
            if events & select.POLLOUT and unsent[fd]:
                unsent[fd] = unsent[fd][members[fd].send(unsent[fd]):]
                if not unsent[fd]:
                    poll.modify(fd, select.POLLIN)
