// POSIX AIO, aio(7): in the GNU C library, threads that do blocking reads for the caller. The caller is free, until it
// sleeps in aio_suspend(3), which is a futex(2) wait; a helper thread is blocked in its place.
#include "trial.h"

#include <aio.h>
#include <errno.h>

int receive_by_posix_aio(struct trial *t)
{
    char message[MESSAGE_BYTES];

    while (t->left > 0) {
        struct aiocb request = {.aio_fildes = t->connections[0], .aio_buf = message, .aio_nbytes = sizeof(message)};
        const struct aiocb *list[1] = {&request};
        ssize_t got;

        if (aio_read(&request))
            return trial_fail(t, "aio_read");
        while (aio_error(&request) == EINPROGRESS)
            aio_suspend(list, 1, NULL);
        errno = aio_error(&request);
        got = aio_return(&request);
        if (received(t, got, "aio_read"))
            return -1;
    }
    return 0;
}
