// What the workers of all labs have in common: how they answer the lab, the children at the other end of their sockets,
// memory that faults nowhere, and io_uring without liburing.
#ifndef LABSUPPORT_H
#define LABSUPPORT_H

#include "uring.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Why a worker could not do what it was asked for.
struct lab_problem {
    const char *failed;      // the call that failed
    int error;               // its errno
    const char *unavailable; // or: what this machine lacks
};

/// Both record the reason and return -1. lab_fail() takes errno.
int lab_fail(struct lab_problem *problem, const char *what);
int lab_unavailable(struct lab_problem *problem, const char *why);

/// One line to the lab, in exactly one write to fd 1. Returns 0, or -1 when the lab has gone.
__attribute__((format(printf, 1, 2))) int lab_say(const char *format, ...);

/// Says why it can't (`unavailable WHY` or `failed WHAT: ERRNO`), and returns the exit status for that.
int lab_give_up(const struct lab_problem *problem);

/// CLOCK_MONOTONIC.
int64_t lab_nanoseconds(void);

/// Reads a positive decimal number that is at most `most`. Returns 0, or -1 with errno EINVAL or ERANGE.
int lab_number(const char *text, unsigned long long most, unsigned long long *number);

/// Forks. In the child, fd 0 is `end` and nothing else is open.
pid_t lab_fork_with(int end);

/// Zeroed, page-aligned memory, or NULL.
char *pages(size_t size);
/// Content that cannot be mistaken for a hole, a shared zero page or something to compress.
void fill(void *memory, size_t size);
/// Maps all code and data there is now, so that it faults no more.
void map_everything(void);

#endif
