// io_uring_enter(2): operations are described in shared memory and submitted and awaited by one system call. One at a
// time here, to be comparable with read and write; a real program keeps many in flight.
#define _GNU_SOURCE
#include "transfer.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

#define ZEROCOPY_PIECE (64 * KIB)

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

int prepare_uring(struct transfer *t)
{
    if (!uring_open(&t->ring, 8))
        return 0;
    // EPERM: kernel.io_uring_disabled, or a container's seccomp filter
    if (errno == ENOSYS || errno == EPERM)
        return unavailable(t,
                           errno == EPERM ? "needs io_uring, which is forbidden here" : "needs io_uring (Linux 5.6)");
    return fail(t, "io_uring_setup");
}

int prepare_uring_fixed(struct transfer *t)
{
    if (prepare_uring(t))
        return -1;
    return uring_register_buffer(&t->ring, t->buffer, t->buffer_size) ? fail(t, "registering a buffer") : 0;
}

// The kernel looks at the flags before it looks at the descriptor, so a bad descriptor asks whether it knows them.
int prepare_uring_send_zc(struct transfer *t)
{
    struct io_uring_sqe sqe = {.opcode = IORING_OP_SEND_ZC, .ioprio = IORING_SEND_ZC_REPORT_USAGE, .fd = -1};
    struct io_uring_cqe cqe;
    int result;

    if (prepare_uring(t))
        return -1;
    if (uring_submit(&t->ring, &sqe) || uring_wait(&t->ring, &cqe))
        return fail(t, "io_uring_enter");
    result = cqe.res;
    while (cqe.flags & IORING_CQE_F_MORE)
        if (uring_wait(&t->ring, &cqe))
            return fail(t, "io_uring_enter");
    return result == -EBADF ? 0 : unavailable(t, "needs io_uring SEND_ZC that reports usage (Linux 6.2)");
}

// Sends one buffer. MSG_WAITALL: a SEND that filled the socket's buffer goes on by itself instead of ending short.
static int send_all(struct transfer *t, const char *buffer, size_t count)
{
    while (count > 0) {
        struct io_uring_sqe sqe = {
            .opcode = IORING_OP_SEND,
            .fd = t->sink,
            .addr = (uintptr_t)buffer,
            .len = (unsigned)count,
            .msg_flags = MSG_WAITALL,
        };
        int sent = uring_run(&t->ring, &sqe);
        if (sent < 0)
            return fail(t, "SEND");
        buffer += sent;
        count -= (size_t)sent;
    }
    return 0;
}

static struct io_uring_sqe request_to_read(const struct transfer *t, unsigned char opcode, size_t moved)
{
    return (struct io_uring_sqe){
        .opcode = opcode,
        .fd = t->source,
        .off = moved,
        .addr = (uintptr_t)t->buffer,
        .len = (unsigned)smaller(t->size - moved, t->buffer_size),
        .buf_index = 0, // for READ_FIXED
    };
}

static ssize_t read_and_send(struct transfer *t, unsigned char opcode, const char *name)
{
    size_t moved = 0;

    while (moved < t->size) {
        struct io_uring_sqe sqe = request_to_read(t, opcode, moved);
        int got = uring_run(&t->ring, &sqe);
        if (got < 0)
            return fail(t, name);
        if (got == 0)
            break;
        if (send_all(t, t->buffer, (size_t)got))
            return -1;
        moved += (size_t)got;
    }
    return (ssize_t)moved;
}

// READ, then SEND. The same two copies as read and write: io_uring changes who waits, and how often the kernel is
// entered, not who copies.
ssize_t move_by_uring_read_send(struct transfer *t)
{
    return read_and_send(t, IORING_OP_READ, "READ");
}

// READ_FIXED, then SEND. The buffer was pinned and mapped for the kernel once (io_uring_register(2)), so that no call
// does it again. From the page cache the CPU copies into it all the same.
ssize_t move_by_uring_read_fixed_send(struct transfer *t)
{
    return read_and_send(t, IORING_OP_READ_FIXED, "READ_FIXED");
}

// SEND_ZC. As MSG_ZEROCOPY, but what it returns in two completions comes through the ring: first the result, then, when
// the buffer is free again, a notification. It says whether the kernel copied in the end, since REPORT_USAGE asks for
// it.
ssize_t move_by_uring_send_zc(struct transfer *t)
{
    struct io_uring_cqe cqe;
    size_t moved = 0, awaited = 0;

    while (moved < t->size) {
        struct io_uring_sqe sqe = {
            .opcode = IORING_OP_SEND_ZC,
            .ioprio = IORING_SEND_ZC_REPORT_USAGE,
            .fd = t->sink,
            .addr = (uintptr_t)(t->buffer + moved),
            .len = (unsigned)smaller(t->size - moved, ZEROCOPY_PIECE),
            .msg_flags = MSG_WAITALL,
        };
        if (uring_submit(&t->ring, &sqe))
            return fail(t, "io_uring_enter");
        for (;;) { // notifications of earlier sends come in between
            if (uring_wait(&t->ring, &cqe))
                return fail(t, "io_uring_enter");
            if (!(cqe.flags & IORING_CQE_F_NOTIF))
                break;
            awaited--;
        }
        if (cqe.flags & IORING_CQE_F_MORE)
            awaited++;
        if (cqe.res <= 0) {
            errno = -cqe.res;
            return fail(t, "SEND_ZC");
        }
        moved += (size_t)cqe.res;
    }
    for (; awaited > 0; awaited--) // res has IORING_NOTIF_USAGE_ZC_COPIED if it was copied
        if (uring_wait(&t->ring, &cqe))
            return fail(t, "io_uring_enter");
    return (ssize_t)moved;
}

// READ_FIXED and WRITE_FIXED on O_DIRECT files. Here the registered buffer is what the device reads and writes: no copy
// by the CPU, and no pinning for each operation either.
ssize_t move_by_uring_fixed_direct(struct transfer *t)
{
    size_t moved = 0;

    while (moved < t->size) {
        struct io_uring_sqe sqe = request_to_read(t, IORING_OP_READ_FIXED, moved);
        int got = uring_run(&t->ring, &sqe);
        if (got < 0)
            return fail(t, "READ_FIXED");
        if (got == 0)
            break;
        sqe.opcode = IORING_OP_WRITE_FIXED;
        sqe.fd = t->sink;
        sqe.len = (unsigned)got;
        got = uring_run(&t->ring, &sqe);
        if (got < 0)
            return fail(t, "WRITE_FIXED");
        moved += (size_t)got;
    }
    return (ssize_t)moved;
}
