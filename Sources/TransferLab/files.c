#define _GNU_SOURCE
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PIECE MIB

// Writes the content, and leaves it in the page cache clean (hot) or on the disk only (cold).
static int write_source(struct transfer *t, int file, bool cold)
{
    char *piece = pages(PIECE);
    int result = -1;

    if (!piece)
        return fail(t, "mmap");
    fill(piece, PIECE);
    for (size_t done = 0; done < t->size; done += PIECE)
        if (write_all(file, piece, PIECE)) {
            fail(t, "writing the source");
            goto out;
        }
    // Pages that are dirty stay in the page cache whatever posix_fadvise(2) says.
    if (fsync(file)) {
        fail(t, "fsync of the source");
        goto out;
    }
    if (cold) {
        errno = posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        result = errno ? fail(t, "posix_fadvise") : 0;
        goto out;
    }
    for (size_t done = 0; done < t->size; done += PIECE)
        if (pread(file, piece, PIECE, (off_t)done) != (ssize_t)PIECE) {
            fail(t, "reading the source");
            goto out;
        }
    result = 0;
out:
    munmap(piece, PIECE);
    return result;
}

// Asked beforehand, since finding out by writing would fill the disk for everybody else.
static bool has_room(int directory, size_t size)
{
    struct statvfs space;

    if (fstatvfs(directory, &space) || space.f_blocks == 0)
        return true; // it doesn't say
    return size < (unsigned long long)space.f_bavail * space.f_frsize;
}

// Opens a new file twice, to write it and with the transfer's own flags, and unlinks it at once, so that it cannot be
// left behind.
static int make_source(struct transfer *t, int directory, int flags, bool cold)
{
    char name[64];
    size_t files = t->method->sink == NEW_FILE || t->method->sink == NEW_DIRECT_FILE ? 2 : 1;
    int file, result;

    if (!has_room(directory, files * t->size)) {
        errno = ENOSPC;
        return fail(t, "making the source");
    }
    snprintf(name, sizeof(name), "iotrace-lab-%d-source", (int)getpid());
    file = openat(directory, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0)
        return fail(t, "making the source");
    t->source = openat(directory, name, O_RDONLY | O_CLOEXEC | flags);
    result = t->source < 0 ? fail(t, "opening the source") : 0;
    unlinkat(directory, name, 0);
    if (!result)
        result = write_source(t, file, cold);
    close(file);
    return result;
}

static int make_tmpfs_source(struct transfer *t)
{
    int directory = open("/dev/shm", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int result;

    if (directory < 0)
        return unavailable(t, "needs /dev/shm");
    result = make_source(t, directory, O_DIRECT, false);
    close(directory);
    if (result && t->source < 0 && t->problem.error == EINVAL)
        return unavailable(t, "needs O_DIRECT on tmpfs (Linux 6.6)");
    return result;
}

// A file that is made up while it is read, and splice_read takes it: /proc files that have only a read method, like
// kallsyms, are refused (EINVAL). The transfer is as long as the file.
static int open_proc_file(struct transfer *t)
{
    size_t limit = t->size < PIECE ? t->size : PIECE;
    char *piece = pages(PIECE);
    ssize_t got = 1;

    if (!piece)
        return fail(t, "mmap");
    t->source = open("/proc/crypto", O_RDONLY | O_CLOEXEC);
    if (t->source < 0)
        return errno == ENOENT ? unavailable(t, "needs /proc/crypto") : fail(t, "/proc/crypto");
    for (t->size = 0; t->size < limit && got > 0; t->size += (size_t)got) {
        got = read(t->source, piece, limit - t->size);
        if (got < 0)
            return fail(t, "reading /proc/crypto");
    }
    munmap(piece, PIECE);
    return lseek(t->source, 0, SEEK_SET) ? fail(t, "lseek") : 0;
}

static int open_device(struct transfer *t, const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);

    if (fd < 0)
        fail(t, path);
    return fd;
}

// /dev/zero has no splice_read before Linux 6.7. drivers/char/mem.c: zero_fops
static int open_zero(struct transfer *t)
{
    int null, failure;
    ssize_t sent;

    t->source = open_device(t, "/dev/zero", O_RDONLY);
    if (t->source < 0)
        return -1;
    null = open_device(t, "/dev/null", O_WRONLY);
    if (null < 0)
        return -1;
    sent = sendfile(null, t->source, NULL, 1);
    failure = errno;
    close(null);
    errno = failure;
    if (sent < 0)
        return errno == EINVAL ? unavailable(t, "needs sendfile from /dev/zero (Linux 6.7)") : fail(t, "sendfile");
    return 0;
}

static int make_sink(struct transfer *t, int flags)
{
    char name[64];

    snprintf(name, sizeof(name), "iotrace-lab-%d-sink", (int)getpid());
    t->sink = openat(t->directory, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | flags, 0600);
    if (t->sink < 0) {
        int failure = errno;
        unlinkat(t->directory, name, 0); // a file system may make it and then refuse O_DIRECT
        errno = failure;
        return fail(t, "making the sink");
    }
    unlinkat(t->directory, name, 0);
    return 0;
}

static int refused_direct(struct transfer *t, int fd)
{
    return fd < 0 && t->problem.error == EINVAL ? unavailable(t, "needs O_DIRECT in DIRECTORY") : -1;
}

int open_source(struct transfer *t)
{
    switch (t->method->source) {
    case NO_SOURCE:
        return 0;
    case HOT_FILE:
        return make_source(t, t->directory, 0, false);
    case COLD_FILE:
        return make_source(t, t->directory, 0, true);
    case DIRECT_FILE:
        return make_source(t, t->directory, O_DIRECT, false) ? refused_direct(t, t->source) : 0;
    case DIRECT_TMPFS:
        return make_tmpfs_source(t);
    case PROC_FILE:
        return open_proc_file(t);
    case DEV_ZERO:
        return open_zero(t);
    case TCP_FEED:
        return start_tcp_feed(t);
    case CHILD_MEMORY:
        return start_child_memory(t);
    }
    return 0;
}

int open_sink(struct transfer *t)
{
    switch (t->method->sink) {
    case NO_SINK:
        return 0;
    case TCP_DRAIN:
        return start_tcp_drain(t);
    case VETH_DRAIN:
        return start_veth_drain(t);
    case UNIX_DRAIN:
        return start_unix_drain(t);
    case PIPE_DRAIN:
        return start_pipe_drain(t);
    case NEW_FILE:
        return make_sink(t, 0);
    case NEW_DIRECT_FILE:
        return make_sink(t, O_DIRECT) ? refused_direct(t, t->sink) : 0;
    case DEV_NULL:
        return (t->sink = open_device(t, "/dev/null", O_WRONLY)) < 0 ? -1 : 0;
    }
    return 0;
}
