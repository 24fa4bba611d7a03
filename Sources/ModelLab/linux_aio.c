// Linux AIO, io_submit(2): operations are handed to the kernel, and io_getevents(2) sleeps until some are done. The
// C library has no functions for it.
#define _GNU_SOURCE
#include "trial.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Submits one operation and waits for its end. Returns its result, or -1 with errno.
static ssize_t run(aio_context_t context, struct iocb *operation)
{
    struct iocb *list[1] = {operation};
    struct io_event event;

    if (syscall(SYS_io_submit, context, 1, list) != 1 || syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1)
        return -1;
    if (event.res < 0) {
        errno = (int)-event.res;
        return -1;
    }
    return (ssize_t)event.res;
}

static struct iocb request_to_poll(int fd)
{
    return (struct iocb){.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (uint32_t)fd, .aio_buf = POLLIN};
}

// Asks by polling a pipe that has come to its end, which is ready at once.
int need_aio_poll(struct trial *t)
{
    aio_context_t context = 0;
    struct iocb operation;
    int ends[2];
    ssize_t result;

    if (syscall(SYS_io_setup, 1, &context))
        return errno == ENOSYS ? trial_unavailable(t, "needs Linux AIO (CONFIG_AIO)") : trial_fail(t, "io_setup");
    if (pipe(ends))
        return trial_fail(t, "pipe");
    close(ends[1]);
    operation = request_to_poll(ends[0]);
    result = run(context, &operation);
    close(ends[0]);
    syscall(SYS_io_destroy, context);
    return result < 0 ? trial_unavailable(t, "needs IOCB_CMD_POLL (Linux 4.18)") : 0;
}

// On a socket a read would be done by io_submit itself, sleeping. So the first operation waits for data, and only then
// is the read submitted.
int receive_by_aio(struct trial *t)
{
    char message[MESSAGE_BYTES];
    aio_context_t context = 0;

    if (syscall(SYS_io_setup, 1, &context))
        return trial_fail(t, "io_setup");
    while (t->left > 0) {
        struct iocb wait = request_to_poll(t->connections[0]);
        struct iocb read = {
            .aio_lio_opcode = IOCB_CMD_PREAD,
            .aio_fildes = (uint32_t)t->connections[0],
            .aio_buf = (uintptr_t)message,
            .aio_nbytes = sizeof(message),
        };
        if (run(context, &wait) < 0)
            return trial_fail(t, "AIO poll");
        if (received(t, run(context, &read), "AIO read"))
            return -1;
    }
    // The context ends with the process: io_destroy(2) would sleep for an RCU grace period, tens of milliseconds.
    return 0;
}

// What Linux AIO is made for: files opened with O_DIRECT. All blocks of the file are submitted by one call, which does
// not wait for the disk, and the device moves them while the program is free.
int read_direct_by_aio(struct trial *t)
{
    aio_context_t context = 0;
    struct iocb *operations = calloc(t->messages, sizeof(*operations));
    struct iocb **list = calloc(t->messages, sizeof(*list));
    struct io_event event;
    char *blocks = pages(t->messages * BLOCK_BYTES);

    if (!operations || !list || !blocks || syscall(SYS_io_setup, t->messages, &context))
        return trial_fail(t, "io_setup");
    for (unsigned i = 0; i < t->messages; i++) {
        operations[i] = (struct iocb){
            .aio_lio_opcode = IOCB_CMD_PREAD,
            .aio_fildes = (uint32_t)t->file,
            .aio_buf = (uintptr_t)blocks + i * BLOCK_BYTES,
            .aio_nbytes = BLOCK_BYTES,
            .aio_offset = (int64_t)(i * BLOCK_BYTES),
        };
        list[i] = &operations[i];
    }
    if (syscall(SYS_io_submit, context, t->messages, list) != t->messages)
        return trial_fail(t, "io_submit");
    while (t->left > 0) {
        if (syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1)
            return trial_fail(t, "io_getevents");
        errno = event.res < 0 ? (int)-event.res : 0;
        if (received(t, (ssize_t)event.res, "AIO read"))
            return -1;
    }
    return 0;
}
