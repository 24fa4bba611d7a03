// Through a pipe: it holds references to pages, and splice, vmsplice and tee pass references in and out.
#define _GNU_SOURCE
#include "transfer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

// A pipe has 16 slots, each for one page. More slots mean fewer calls; beyond /proc/sys/fs/pipe-max-size needs
// CAP_SYS_RESOURCE.
static int make_pipe(struct transfer *t, int ends[2], size_t *size)
{
    int slots_size;

    if (pipe2(ends, O_CLOEXEC))
        return fail(t, "pipe2");
    fcntl(ends[1], F_SETPIPE_SZ, (int)MIB);
    slots_size = fcntl(ends[1], F_GETPIPE_SZ);
    if (slots_size < 0)
        return fail(t, "F_GETPIPE_SZ");
    *size = (size_t)slots_size;
    return 0;
}

// Empties `pipe`, which holds `count` bytes, into `sink`.
static int splice_all(int pipe, int sink, size_t count)
{
    while (count > 0) {
        ssize_t out = splice(pipe, NULL, sink, NULL, count, 0);
        if (out <= 0)
            return -1;
        count -= (size_t)out;
    }
    return 0;
}

int prepare_splice(struct transfer *t)
{
    return make_pipe(t, t->pipe, &t->pipe_size);
}

// splice(2). Into the pipe go references to the page cache's pages, and from the pipe to the socket: no copy by the
// CPU. It is what sendfile does with a pipe of its own inside the kernel. A regular file as the sink is written by
// copying.
ssize_t move_by_splice(struct transfer *t)
{
    size_t moved = 0;

    while (moved < t->size) {
        ssize_t in = splice(t->source, NULL, t->pipe[1], NULL, t->pipe_size, 0);
        if (in < 0)
            return fail(t, "splice");
        if (in == 0)
            break;
        if (splice_all(t->pipe[0], t->sink, (size_t)in))
            return fail(t, "splice");
        moved += (size_t)in;
    }
    return (ssize_t)moved;
}

int prepare_vmsplice(struct transfer *t)
{
    const char *map = mmap(NULL, t->size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, t->source, 0);

    if (map == MAP_FAILED)
        return fail(t, "mmap");
    t->map = map;
    return make_pipe(t, t->pipe, &t->pipe_size);
}

// vmsplice(2). References to the process's own pages go into the pipe, and splice passes them on to the socket: no copy
// by the CPU. Nothing tells when the kernel is done with them, so memory that is sent in this way should never change
// again: a file that is mapped, as here, and does not change.
ssize_t move_by_vmsplice(struct transfer *t)
{
    size_t moved = 0;

    while (moved < t->size) {
        size_t left = t->size - moved;
        struct iovec piece = {(char *)t->map + moved, left < t->pipe_size ? left : t->pipe_size};
        ssize_t in = vmsplice(t->pipe[1], &piece, 1, 0);
        if (in < 0)
            return fail(t, "vmsplice");
        if (splice_all(t->pipe[0], t->sink, (size_t)in))
            return fail(t, "splice");
        moved += (size_t)in;
    }
    return (ssize_t)moved;
}

int prepare_tee(struct transfer *t)
{
    t->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (t->null < 0)
        return fail(t, "/dev/null");
    return make_pipe(t, t->pipe, &t->pipe_size) || make_pipe(t, t->tee, &t->pipe_size) ? -1 : 0;
}

// tee(2). The second pipe gets references to the pages that the first one holds, and the first one keeps them: the same
// bytes for two readers, here the socket and /dev/null, without a copy by the CPU.
ssize_t move_by_tee(struct transfer *t)
{
    size_t moved = 0;

    while (moved < t->size) {
        ssize_t in = splice(t->source, NULL, t->pipe[1], NULL, t->pipe_size, 0);
        if (in < 0)
            return fail(t, "splice");
        if (in == 0)
            break;
        moved += (size_t)in;
        while (in > 0) {
            ssize_t both = tee(t->pipe[0], t->tee[1], (size_t)in, 0);
            if (both <= 0)
                return fail(t, "tee");
            if (splice_all(t->tee[0], t->sink, (size_t)both) || splice_all(t->pipe[0], t->null, (size_t)both))
                return fail(t, "splice");
            in -= both;
        }
    }
    return (ssize_t)moved;
}
