// O_DIRECT, open(2): the device reads and writes the program's own pages, and the page cache is left out.
#define _GNU_SOURCE
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

// The calls are read and write; both files were opened with O_DIRECT, and the buffer's address and size and the file
// offset are multiples of the device's block size. No copy by the CPU. The device is waited for in every call, so
// pieces should be large. A file system without a device (tmpfs) may accept the flag and copy all the same.
ssize_t move_by_direct_io(struct transfer *t)
{
    return move_by_read_write(t);
}

// Only the address is wrong: the length stays a multiple of the block size.
static ssize_t read_misaligned(struct transfer *t)
{
    return pread(t->source, t->buffer + 1, t->buffer_size / 2, 0);
}

int prepare_direct_unaligned(struct transfer *t)
{
    if (read_misaligned(t) < 0 && errno == EINVAL)
        return 0;
    return unavailable(t, "needs a file system in DIRECTORY that refuses misaligned direct reads");
}

// A misaligned buffer is refused with EINVAL. What many programs do then is to turn O_DIRECT off by fcntl(2) and go on:
// from there on the CPU copies twice.
ssize_t move_by_direct_unaligned(struct transfer *t)
{
    int flags;

    if (read(t->source, t->buffer + 1, t->buffer_size / 2) >= 0 || errno != EINVAL)
        return fail(t, "misaligned read");
    flags = fcntl(t->source, F_GETFL);
    if (flags < 0 || fcntl(t->source, F_SETFL, flags & ~O_DIRECT))
        return fail(t, "fcntl");
    return move_by_read_write(t);
}

int prepare_aio(struct transfer *t)
{
    if (!syscall(SYS_io_setup, 1, &t->aio))
        return 0;
    return errno == ENOSYS ? unavailable(t, "needs Linux AIO (CONFIG_AIO)") : fail(t, "io_setup");
}

// Submits one operation and waits for it. Returns its result, or -1 with errno.
static ssize_t run_aio(struct transfer *t, struct iocb *operation)
{
    struct iocb *list[1] = {operation};
    struct io_event event;

    if (syscall(SYS_io_submit, t->aio, 1, list) != 1)
        return -1;
    while (syscall(SYS_io_getevents, t->aio, 1, 1, &event, NULL) != 1)
        if (errno != EINTR)
            return -1;
    if (event.res < 0) {
        errno = (int)-event.res;
        return -1;
    }
    return (ssize_t)event.res;
}

// io_submit(2), io_getevents(2), Linux AIO. Asynchronous for O_DIRECT files; for others io_submit itself does the work.
// As with direct read and write, the device moves the bytes and the CPU copies none.
ssize_t move_by_aio(struct transfer *t)
{
    size_t moved = 0;

    while (moved < t->size) {
        struct iocb operation = {
            .aio_lio_opcode = IOCB_CMD_PREAD,
            .aio_fildes = (uint32_t)t->source,
            .aio_buf = (uintptr_t)t->buffer,
            .aio_nbytes = t->buffer_size,
            .aio_offset = (int64_t)moved,
        };
        ssize_t got = run_aio(t, &operation);
        if (got < 0)
            return fail(t, "AIO read");
        if (got == 0)
            break;
        operation.aio_lio_opcode = IOCB_CMD_PWRITE;
        operation.aio_fildes = (uint32_t)t->sink;
        operation.aio_nbytes = (uint64_t)got;
        got = run_aio(t, &operation);
        if (got < 0)
            return fail(t, "AIO write");
        moved += (size_t)got;
    }
    return (ssize_t)moved;
}
