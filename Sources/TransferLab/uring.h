// The io_uring interface as the kernel offers it, without liburing: a submission queue and a completion queue in shared
// memory, and io_uring_enter(2) to submit and to wait.
#ifndef URING_H
#define URING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>

struct uring {
    int fd; // -1: there is none
    void *rings;
    size_t rings_size;
    struct io_uring_sqe *sqes;
    size_t sqes_size;
    unsigned *sq_tail, *sq_array, sq_mask;
    unsigned *cq_head, *cq_tail, cq_mask;
    struct io_uring_cqe *cqes;
};

/// Makes a ring for `entries` submissions at a time. Returns 0, or -1 with errno.
int uring_open(struct uring *ring, unsigned entries);
void uring_close(struct uring *ring);

/// Pins `memory` as registered buffer 0. Returns 0, or -1 with errno.
int uring_register_buffer(struct uring *ring, void *memory, size_t size);

/// Submits one operation and waits, in the same system call, until some completion is there. Returns 0, or -1 with
/// errno.
int uring_submit(struct uring *ring, const struct io_uring_sqe *sqe);

/// Takes the next completion; enters the kernel only if none is there yet. Returns 0, or -1 with errno.
int uring_wait(struct uring *ring, struct io_uring_cqe *cqe);

/// One operation from submission to completion. Returns its result (bytes), or -1 with errno.
int uring_run(struct uring *ring, const struct io_uring_sqe *sqe);

#endif
