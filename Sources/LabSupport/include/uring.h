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
    unsigned *sq_tail, *sq_array, *sq_flags, sq_mask;
    unsigned *cq_head, *cq_tail, cq_mask;
    struct io_uring_cqe *cqes;
};

/// Makes a ring for `entries` submissions at a time. Returns 0, or -1 with errno.
int uring_open(struct uring *ring, unsigned entries);
/// Likewise, with a kernel thread that looks for submissions by itself (IORING_SETUP_SQPOLL), until it has found none
/// for `idle` milliseconds.
int uring_open_polled(struct uring *ring, unsigned entries, unsigned idle);
void uring_close(struct uring *ring);

/// Pins `memory` as registered buffer 0. Returns 0, or -1 with errno.
int uring_register_buffer(struct uring *ring, void *memory, size_t size);

/// Puts one operation into the submission queue, where a polling kernel thread finds it. No system call.
void uring_queue(struct uring *ring, const struct io_uring_sqe *sqe);

/// Wakes the polling kernel thread if it has gone to sleep. Returns 0, or -1 with errno.
int uring_wake(struct uring *ring);

/// Takes the next completion if there is one. No system call.
bool uring_take(struct uring *ring, struct io_uring_cqe *cqe);

/// io_uring_enter(2): submits what is queued, and waits for so many completions. Returns 0, or -1 with errno.
int uring_enter(struct uring *ring, unsigned submissions, unsigned completions);

/// Submits one operation and waits, in the same system call, until some completion is there. Returns 0, or -1 with
/// errno.
int uring_submit(struct uring *ring, const struct io_uring_sqe *sqe);

/// Takes the next completion; enters the kernel only if none is there yet. Returns 0, or -1 with errno.
int uring_wait(struct uring *ring, struct io_uring_cqe *cqe);

/// One operation from submission to completion. Returns its result (bytes), or -1 with errno.
int uring_run(struct uring *ring, const struct io_uring_sqe *sqe);

#endif
