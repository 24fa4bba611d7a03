#define _GNU_SOURCE
#include "TransferLab.h"
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int fail(struct transfer *t, const char *what)
{
    return lab_fail(&t->problem, what);
}

int unavailable(struct transfer *t, const char *why)
{
    return lab_unavailable(&t->problem, why);
}

static int take_arguments(struct transfer *t, int argc, char **argv)
{
    unsigned long long size;

    errno = EINVAL;
    if (argc != 3)
        return fail(t, "arguments (NAME SIZE DIRECTORY)");
    t->method = find_method(argv[0]);
    if (!t->method)
        return fail(t, "NAME");
    if (lab_number(argv[1], INT64_MAX / 2, &size))
        return fail(t, "SIZE");
    errno = EINVAL;
    if (size % MIB)
        return fail(t, "SIZE (a multiple of 1 MiB)");
    t->size = size;
    t->directory = open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
    return t->directory < 0 ? fail(t, "DIRECTORY") : 0;
}

static int set_up(struct transfer *t)
{
    const struct transfer_method *method = t->method;

    // Children first: what exists when they are forked is copied for them, or held open by them.
    if (open_sink(t) || open_source(t))
        return -1;
    t->buffer_size = method->buffer_size == WHOLE_SIZE ? t->size : method->buffer_size;
    if (t->buffer_size) {
        t->buffer = pages(t->buffer_size);
        if (!t->buffer)
            return fail(t, "mmap");
        fill(t->buffer, t->buffer_size);
    }
    if (method->prepare && method->prepare(t))
        return -1;
    map_everything();
    return 0;
}

// Mappings and unlinked files go with the process.
static void take_down(struct transfer *t)
{
    int fds[] = {t->directory, t->source, t->sink, t->pipe[0], t->pipe[1], t->tee[0], t->tee[1], t->null, t->lifeline};

    if (t->aio)
        syscall(SYS_io_destroy, t->aio);
    uring_close(&t->ring);
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (t->child > 0)
        waitpid(t->child, NULL, 0);
}

// Steps 2 to 4 of the protocol.
static int run(struct transfer *t)
{
    int64_t start, end;
    ssize_t moved;
    char byte;

    lab_nanoseconds(); // maps the vDSO's data, which can't be locked
    lab_say("ready %zu\n", t->size);
    if (read(0, &byte, 1) != 1)
        return 0; // the lab has changed its mind
    start = lab_nanoseconds();
    moved = t->method->move(t);
    end = lab_nanoseconds();
    if (moved < 0)
        return lab_give_up(&t->problem);
    lab_say("done %zd %lld\n", moved, (long long)(end - start));
    while (read(0, &byte, 1) > 0)
        ;
    return 0;
}

int transfer_lab_worker(int argc, char **argv)
{
    struct transfer t = {
        .directory = -1,
        .source = -1,
        .sink = -1,
        .pipe = {-1, -1},
        .tee = {-1, -1},
        .null = -1,
        .ring.fd = -1,
        .lifeline = -1,
    };
    int status;

    signal(SIGPIPE, SIG_IGN); // a peer or a lab that has gone is an error to report, not a death
    status = take_arguments(&t, argc, argv) || set_up(&t) ? lab_give_up(&t.problem) : run(&t);
    take_down(&t);
    return status;
}
