// Transfers whose source is another process.
#define _GNU_SOURCE
#include "transfer.h"

#include <sys/socket.h>
#include <sys/uio.h>

#define PIECE (64 * KIB)

// recv(2) with MSG_TRUNC, tcp(7). The kernel discards the bytes from the socket and copies nothing, although it returns
// their number: there need not even be a buffer. MSG_WAITALL only keeps pieces whole.
ssize_t move_by_recv_trunc(struct transfer *t)
{
    size_t moved = 0;

    while (moved < t->size) {
        ssize_t got = recv(t->source, NULL, PIECE, MSG_TRUNC | MSG_WAITALL);
        if (got < 0)
            return fail(t, "recv");
        if (got == 0)
            break;
        moved += (size_t)got;
    }
    return (ssize_t)moved;
}

// process_vm_readv(2). The CPU copies once, from the other process's pages straight into this one's buffer; a pipe
// between them would have taken two copies. The other process takes no part, so it needs ptrace(2)'s permission.
ssize_t move_by_process_vm_readv(struct transfer *t)
{
    struct iovec here = {t->buffer, t->buffer_size};
    size_t moved = 0;

    while (moved < t->size) {
        struct iovec there = {(char *)t->child_memory + moved, t->buffer_size};
        ssize_t got = process_vm_readv(t->child, &here, 1, &there, 1, 0);
        if (got <= 0)
            return fail(t, "process_vm_readv");
        moved += (size_t)got;
    }
    return (ssize_t)moved;
}
