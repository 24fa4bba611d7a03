#define _GNU_SOURCE
#include "LabSupport.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int lab_fail(struct lab_problem *problem, const char *what)
{
    problem->error = errno;
    problem->failed = what;
    return -1;
}

int lab_unavailable(struct lab_problem *problem, const char *why)
{
    problem->unavailable = why;
    return -1;
}

// dprintf(3) would look at the descriptor first.
int lab_say(const char *format, ...)
{
    char line[256];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    return write(1, line, (size_t)length) == length ? 0 : -1;
}

int lab_give_up(const struct lab_problem *problem)
{
    const char *name = strerrorname_np(problem->error);

    if (problem->unavailable) {
        lab_say("unavailable %s\n", problem->unavailable);
        return 0;
    }
    lab_say("failed %s: %s\n", problem->failed, name ? name : strerror(problem->error));
    return 1;
}

int64_t lab_nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int lab_number(const char *text, unsigned long long most, unsigned long long *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 10);
    if (!errno && (text[0] < '0' || text[0] > '9' || *end || *number == 0))
        errno = EINVAL;
    if (!errno && *number > most)
        errno = ERANGE;
    return errno ? -1 : 0;
}

// The worker's end must have no other holder, or the child would never read the end of file, and neither must the lab's
// pipes.
pid_t lab_fork_with(int end)
{
    pid_t pid = fork();

    if (pid == 0 && (dup2(end, 0) < 0 || close_range(1, ~0U, 0)))
        _exit(1);
    return pid;
}
