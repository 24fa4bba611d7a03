"""io_uring by its system calls: one request at a time, each awaited."""

import ctypes
import mmap
import os
import struct

SETUP, ENTER = 425, 426  # system calls
READ, SEND, RECV = 22, 26, 27  # opcodes
SQES = 0x10000000  # where the requests are mapped
GETEVENTS = 1

libc = ctypes.CDLL(None, use_errno=True)


def system_call(*arguments):
    result = libc.syscall(*[word if isinstance(word, ctypes.Array) else ctypes.c_long(word) for word in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


class Ring:
    def __init__(self, entries=8):
        parameters = ctypes.create_string_buffer(120)
        self.fd = system_call(SETUP, entries, parameters)
        words = struct.unpack("<30I", parameters)
        sq_entries, cq_entries = words[:2]
        self.sq_tail, self.sq_mask, self.array = words[11], words[12], words[16]
        self.cq_head, self.cq_mask, self.cqes = words[20], words[22], words[25]
        size = max(self.array + 4 * sq_entries, self.cqes + 16 * cq_entries)
        self.rings = mmap.mmap(self.fd, size, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        self.requests = mmap.mmap(self.fd, 64 * sq_entries, mmap.MAP_SHARED | mmap.MAP_POPULATE, offset=SQES)

    def word(self, at):
        return struct.unpack_from("<I", self.rings, at)[0]

    def do(self, opcode, fd, buffer, length, offset=0):
        """Submits a request, sleeps until it is completed, and returns its result."""
        tail = self.word(self.sq_tail)
        slot = tail & self.word(self.sq_mask)
        struct.pack_into("<BBHiQQI36x", self.requests, 64 * slot, opcode, 0, 0, fd, offset, ctypes.addressof(buffer), length)
        struct.pack_into("<I", self.rings, self.array + 4 * slot, slot)
        struct.pack_into("<I", self.rings, self.sq_tail, tail + 1)
        system_call(ENTER, self.fd, 1, 1, GETEVENTS, 0, 0)
        head = self.word(self.cq_head)
        _, result, _ = struct.unpack_from("<QiI", self.rings, self.cqes + 16 * (head & self.word(self.cq_mask)))
        struct.pack_into("<I", self.rings, self.cq_head, head + 1)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result
