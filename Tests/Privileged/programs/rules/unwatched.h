// Flags of fds and calls, signals, and a ring that is no I/O.
#pragma once

#include "common.h"

#include <linux/io_uring.h>
#include <sys/mman.h>

static void toggle_nonblocking(void)
{
    int fds[2];

    pair(fds);
    for (int i = 0; i < TIMES; i++) {
        set_nonblocking(fds[0], i % 2);
        feed(fds[1]);
        take(fds[0]);
    }
}

// The fd blocks; each call says that it must not.
static void receive_without_waiting(void)
{
    int fds[2];
    char byte;

    pair(fds);
    for (int i = 0; i < TIMES; i++) {
        if (recv(fds[0], &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN)
            _exit(2);
        feed(fds[1]);
        TRY(recv(fds[0], &byte, 1, MSG_DONTWAIT));
    }
}

// O_ASYNC with a signal of its own, which is waited for.
static void be_told_by_a_real_time_signal(void)
{
    int fds[2];
    sigset_t set;
    siginfo_t information;

    pair(fds);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, 0);
    TRY(fcntl(fds[0], F_SETOWN, getpid()));
    TRY(fcntl(fds[0], F_SETSIG, SIGRTMIN));
    TRY(fcntl(fds[0], F_SETFL, O_ASYNC | O_NONBLOCK));
    for (int i = 0; i < TIMES; i++) {
        feed(fds[1]);
        TRY(sigwaitinfo(&set, &information));
        if (information.si_fd != fds[0])
            _exit(2);
        take(fds[0]);
    }
}

// A ring whose only requests are timers and NOPs.
static void ring_for_timers(void)
{
    struct io_uring_params parameters = {};
    struct __kernel_timespec soon = {.tv_nsec = 200000};
    int ring = TRY(syscall(SYS_io_uring_setup, 8, &parameters));
    size_t size = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
    char *rings = mmap(0, size + 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
    struct io_uring_sqe *requests =
        mmap(0, 8 * sizeof(*requests), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
    unsigned *tail = (void *)(rings + parameters.sq_off.tail), *head = (void *)(rings + parameters.cq_off.head);
    unsigned *array = (void *)(rings + parameters.sq_off.array);

    for (int i = 0; i < 100; i++) {
        unsigned slot = *tail % parameters.sq_entries;
        memset(&requests[slot], 0, sizeof(*requests));
        requests[slot].opcode = i % 2 ? IORING_OP_NOP : IORING_OP_TIMEOUT;
        requests[slot].fd = -1;
        if (requests[slot].opcode == IORING_OP_TIMEOUT) {
            requests[slot].addr = (uintptr_t)&soon;
            requests[slot].len = 1;
        }
        array[slot] = slot;
        __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
        TRY(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0));
        __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    }
}
