#define _GNU_SOURCE
#include "uring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int open_with(struct uring *ring, unsigned entries, struct io_uring_params params)
{
    size_t sq_size, cq_size;
    char *rings;

    ring->fd = (int)syscall(SYS_io_uring_setup, entries, &params);
    if (ring->fd < 0)
        return -1;
    if (!(params.features & IORING_FEAT_SINGLE_MMAP)) { // Linux 5.4
        uring_close(ring);
        errno = ENOSYS;
        return -1;
    }
    sq_size = params.sq_off.array + params.sq_entries * sizeof(unsigned);
    cq_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
    ring->rings_size = sq_size > cq_size ? sq_size : cq_size;
    ring->rings =
        mmap(NULL, ring->rings_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQ_RING);
    ring->sqes_size = params.sq_entries * sizeof(struct io_uring_sqe);
    ring->sqes =
        mmap(NULL, ring->sqes_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
    if (ring->rings == MAP_FAILED || ring->sqes == MAP_FAILED) {
        int failure = errno;
        uring_close(ring);
        errno = failure;
        return -1;
    }
    rings = ring->rings;
    ring->sq_tail = (unsigned *)(rings + params.sq_off.tail);
    ring->sq_array = (unsigned *)(rings + params.sq_off.array);
    ring->sq_flags = (unsigned *)(rings + params.sq_off.flags);
    ring->sq_mask = *(unsigned *)(rings + params.sq_off.ring_mask);
    ring->cq_head = (unsigned *)(rings + params.cq_off.head);
    ring->cq_tail = (unsigned *)(rings + params.cq_off.tail);
    ring->cq_mask = *(unsigned *)(rings + params.cq_off.ring_mask);
    ring->cqes = (struct io_uring_cqe *)(rings + params.cq_off.cqes);
    return 0;
}

int uring_open(struct uring *ring, unsigned entries)
{
    return open_with(ring, entries, (struct io_uring_params){0});
}

int uring_open_polled(struct uring *ring, unsigned entries, unsigned idle)
{
    return open_with(ring, entries, (struct io_uring_params){.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = idle});
}

void uring_close(struct uring *ring)
{
    if (ring->fd < 0)
        return;
    if (ring->rings && ring->rings != MAP_FAILED)
        munmap(ring->rings, ring->rings_size);
    if (ring->sqes && ring->sqes != MAP_FAILED)
        munmap(ring->sqes, ring->sqes_size);
    close(ring->fd);
    ring->fd = -1;
}

int uring_register_buffer(struct uring *ring, void *memory, size_t size)
{
    struct iovec buffer = {memory, size};

    return syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_BUFFERS, &buffer, 1) < 0 ? -1 : 0;
}

int uring_enter(struct uring *ring, unsigned submissions, unsigned completions)
{
    unsigned flags = completions > 0 ? IORING_ENTER_GETEVENTS : 0;

    return syscall(SYS_io_uring_enter, ring->fd, submissions, completions, flags, NULL, 0) < 0 ? -1 : 0;
}

void uring_queue(struct uring *ring, const struct io_uring_sqe *sqe)
{
    unsigned tail = *ring->sq_tail; // only this side writes the tail
    unsigned slot = tail & ring->sq_mask;

    ring->sqes[slot] = *sqe;
    ring->sq_array[slot] = slot;
    __atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE); // the entry before the tail that announces it
}

int uring_wake(struct uring *ring)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); // the tail before the look at the flags: the thread does it the other way
    if (!(__atomic_load_n(ring->sq_flags, __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP))
        return 0;
    return syscall(SYS_io_uring_enter, ring->fd, 0, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0) < 0 ? -1 : 0;
}

int uring_submit(struct uring *ring, const struct io_uring_sqe *sqe)
{
    uring_queue(ring, sqe);
    return uring_enter(ring, 1, 1);
}

bool uring_take(struct uring *ring, struct io_uring_cqe *cqe)
{
    unsigned head = *ring->cq_head;

    if (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
        return false;
    *cqe = ring->cqes[head & ring->cq_mask];
    __atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE); // gives the slot back
    return true;
}

int uring_wait(struct uring *ring, struct io_uring_cqe *cqe)
{
    while (!uring_take(ring, cqe))
        if (uring_enter(ring, 0, 1) && errno != EINTR)
            return -1;
    return 0;
}

int uring_run(struct uring *ring, const struct io_uring_sqe *sqe)
{
    struct io_uring_cqe cqe;

    if (uring_submit(ring, sqe) || uring_wait(ring, &cqe))
        return -1;
    if (cqe.res < 0) {
        errno = -cqe.res;
        return -1;
    }
    return cqe.res;
}
