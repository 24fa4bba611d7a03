"""A chat on one thread: selectors (epoll, here) says who wrote and who can be written to. Prints its port, and serves."""

import selectors
import socket

selector = selectors.DefaultSelector()
unsent = {}  # what each member is still to get


def join(listener):
    member, _ = listener.accept()
    member.setblocking(False)
    unsent[member] = b""
    selector.register(member, selectors.EVENT_READ, hear)


def hear(member):
    said = member.recv(4096)
    if not said:
        selector.unregister(member)
        del unsent[member]
        member.close()
        return
    for other in unsent:
        unsent[other] += said
        selector.modify(other, selectors.EVENT_READ | selectors.EVENT_WRITE, hear)


def tell(member):
    unsent[member] = unsent[member][member.send(unsent[member]):]
    if not unsent[member]:
        selector.modify(member, selectors.EVENT_READ, hear)


with socket.create_server(("127.0.0.1", 0)) as listener:
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ, join)
    print(listener.getsockname()[1], flush=True)
    while True:
        for key, events in selector.select():
            if events & selectors.EVENT_READ:
                key.data(key.fileobj)
            if events & selectors.EVENT_WRITE and unsent.get(key.fileobj):
                tell(key.fileobj)
