// Through a buffer of the program's own: the CPU copies every byte into it and out of it.
#define _GNU_SOURCE
#include "transfer.h"

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

// A blocking descriptor takes everything in one call, unless a signal handler or an error cuts it short.
int write_all(int fd, const char *buffer, size_t count)
{
    while (count > 0) {
        ssize_t written = write(fd, buffer, count);
        if (written < 0)
            return -1;
        buffer += written;
        count -= (size_t)written;
    }
    return 0;
}

// read(2), write(2). read copies from the page cache into the buffer, write copies from the buffer into the socket's,
// the pipe's or the other file's pages: two copies by the CPU, and two system calls for each buffer.
ssize_t move_by_read_write(struct transfer *t)
{
    size_t moved = 0;

    while (moved < t->size) {
        ssize_t got = read(t->source, t->buffer, t->buffer_size);
        if (got < 0)
            return fail(t, "read");
        if (got == 0)
            break;
        if (write_all(t->sink, t->buffer, (size_t)got))
            return fail(t, "write");
        moved += (size_t)got;
    }
    return (ssize_t)moved;
}

// fsync(2). write only makes pages dirty, which the kernel writes out later; fsync submits them in this process's name
// and waits for the device.
ssize_t move_by_read_write_fsync(struct transfer *t)
{
    ssize_t moved = move_by_read_write(t);

    if (moved >= 0 && fsync(t->sink))
        return fail(t, "fsync");
    return moved;
}

// pread(2). As read, with the offset as an argument: threads can share the descriptor, since its file position is
// neither used nor moved.
ssize_t move_by_pread_write(struct transfer *t)
{
    size_t moved = 0;

    while (moved < t->size) {
        ssize_t got = pread(t->source, t->buffer, t->buffer_size, (off_t)moved);
        if (got < 0)
            return fail(t, "pread");
        if (got == 0)
            break;
        if (write_all(t->sink, t->buffer, (size_t)got))
            return fail(t, "write");
        moved += (size_t)got;
    }
    return (ssize_t)moved;
}

#define VECTORS 4

// preadv(2), writev(2). One call fills or empties several buffers: fewer system calls, the same copies.
ssize_t move_by_preadv_writev(struct transfer *t)
{
    struct iovec vectors[VECTORS];
    size_t moved = 0;

    for (size_t i = 0; i < VECTORS; i++) {
        vectors[i].iov_len = t->buffer_size / VECTORS;
        vectors[i].iov_base = t->buffer + i * vectors[i].iov_len;
    }
    while (moved < t->size) {
        ssize_t got = preadv(t->source, vectors, VECTORS, (off_t)moved);
        ssize_t written;
        if (got < 0)
            return fail(t, "preadv");
        if ((size_t)got < t->buffer_size)
            break; // the file has been cut short: what is in the vectors is not what was promised
        written = writev(t->sink, vectors, VECTORS);
        // The vectors lie one after the other in one buffer: so does what is left.
        if (written < 0 || write_all(t->sink, t->buffer + written, (size_t)(got - written)))
            return fail(t, "writev");
        moved += (size_t)got;
    }
    return (ssize_t)moved;
}

#define MAPPED_PIECE (64 * KIB)

// mmap(2), write(2). The file's own pages in the page cache are mapped into the process, so that only write copies,
// straight from them. Mapping costs page faults, here taken inside write, and the file must not be cut short meanwhile
// (EFAULT here, SIGBUS for a program that looks at the bytes).
ssize_t move_by_mmap_write(struct transfer *t)
{
    const char *map = mmap(NULL, t->size, PROT_READ, MAP_SHARED, t->source, 0);

    if (map == MAP_FAILED)
        return fail(t, "mmap");
    for (size_t moved = 0; moved < t->size; moved += MAPPED_PIECE)
        if (write_all(t->sink, map + moved, MAPPED_PIECE))
            return fail(t, "write");
    return (ssize_t)t->size; // the mapping goes with the process: unmapping would be one more call
}
