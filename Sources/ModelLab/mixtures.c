// Programs that wait in more than one way, as most real ones do.
#include "trial.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

// The first half of the messages by blocking reads from each connection in turn, the other half in an epoll loop.
int receive_blocking_then_epoll(struct trial *t)
{
    char message[MESSAGE_BYTES];
    size_t half = t->left / 2;

    for (int i = 0; t->left > half; i = (i + 1) % CONNECTIONS)
        if (received(t, read(t->connections[i], message, sizeof(message)), "read"))
            return -1;
    return receive_by_epoll(t);
}

// An event loop that looks something up in a file for each message. epoll(7) cannot wait for files, and a read(2) might
// hold up the whole loop, so the reads go through a ring.
int receive_by_epoll_read_by_uring(struct trial *t)
{
    char message[MESSAGE_BYTES], block[MESSAGE_BYTES];
    struct epoll_event ready[CONNECTIONS];
    struct uring ring;
    int epoll, count, result = 0;

    if (make_nonblocking(t))
        return -1;
    if (uring_open(&ring, 1))
        return trial_fail(t, "io_uring_setup");
    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < CONNECTIONS; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = t->connections[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, t->connections[i], &event))
            result = trial_fail(t, "epoll_ctl");
    }
    while (!result && t->left > 0) {
        count = epoll_wait(epoll, ready, CONNECTIONS, -1);
        if (count < 0 && errno == EINTR) // what a ring leaves to its thread interrupts other calls of that thread
            continue;
        if (count < 0)
            result = trial_fail(t, "epoll_wait");
        for (int i = 0; i < count && !result; i++) {
            struct io_uring_sqe sqe = {
                .opcode = IORING_OP_READ,
                .fd = t->file,
                .addr = (uintptr_t)block,
                .len = sizeof(block),
                .off = t->left % BLOCK_BYTES,
            };
            result = received(t, read(ready[i].data.fd, message, sizeof(message)), "read");
            if (!result && uring_run(&ring, &sqe) != (int)sizeof(block))
                result = trial_fail(t, "READ");
        }
    }
    close(epoll);
    uring_close(&ring);
    return result;
}
