// io_uring(7): operations are described in memory shared with the kernel, and so are their results. The kernel waits
// for the data and copies it into the program's buffer; the program learns of it when both phases are over.
#define _GNU_SOURCE
#include "trial.h"

#include <errno.h>
#include <time.h>

static int explain(struct trial *t)
{
    // EPERM: kernel.io_uring_disabled, or a container's seccomp filter
    if (errno == EPERM)
        return trial_unavailable(t, "needs io_uring, which is forbidden here");
    return errno == ENOSYS ? trial_unavailable(t, "needs io_uring (Linux 5.6)") : trial_fail(t, "io_uring_setup");
}

int need_uring(struct trial *t)
{
    struct uring ring;

    if (uring_open(&ring, 1))
        return explain(t);
    uring_close(&ring);
    return 0;
}

// Without privileges SQPOLL is there since Linux 5.11.
int need_polled_uring(struct trial *t)
{
    struct uring ring;

    if (need_uring(t))
        return -1;
    if (uring_open_polled(&ring, 1, 1))
        return trial_unavailable(t, "needs IORING_SETUP_SQPOLL, which is refused here");
    uring_close(&ring);
    return 0;
}

static struct io_uring_sqe request_to_receive(const struct trial *t, int i, char (*messages)[MESSAGE_BYTES])
{
    return (struct io_uring_sqe){
        .opcode = IORING_OP_RECV,
        .fd = t->connections[i],
        .addr = (uintptr_t)messages[i],
        .len = MESSAGE_BYTES,
        .user_data = (unsigned)i,
    };
}

static int take_result(struct trial *t, const struct io_uring_cqe *cqe)
{
    if (cqe->res < 0)
        errno = -cqe->res;
    return received(t, cqe->res < 0 ? -1 : cqe->res, "RECV");
}

// A request for every connection is under way all the time. One call submits the next request and sleeps until any is
// done.
int receive_by_uring(struct trial *t)
{
    char messages[CONNECTIONS][MESSAGE_BYTES];
    size_t requests = t->left / MESSAGE_BYTES;
    struct uring ring;
    struct io_uring_cqe cqe;
    struct io_uring_sqe sqe;
    int result = 0;

    if (uring_open(&ring, CONNECTIONS))
        return trial_fail(t, "io_uring_setup");
    for (int i = 0; i < CONNECTIONS; i++, requests--) {
        sqe = request_to_receive(t, i, messages);
        uring_queue(&ring, &sqe);
    }
    if (uring_enter(&ring, CONNECTIONS, 1))
        result = trial_fail(t, "io_uring_enter");
    while (!result && t->left > 0) {
        if (uring_wait(&ring, &cqe)) {
            result = trial_fail(t, "io_uring_enter");
            break;
        }
        result = take_result(t, &cqe);
        if (result || requests == 0)
            continue;
        requests--;
        sqe = request_to_receive(t, (int)cqe.user_data, messages);
        if (uring_submit(&ring, &sqe))
            result = trial_fail(t, "io_uring_enter");
    }
    uring_close(&ring);
    return result;
}

// IORING_SETUP_SQPOLL: a kernel thread looks for submissions, so that there is no system call but to wake it when it
// has gone to sleep, as a new one does that finds nothing. The program looks for results in memory when it likes. Here
// it naps between two looks, in the place of other work. The kernel thread costs a CPU.
int receive_by_polled_uring(struct trial *t)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    char messages[CONNECTIONS][MESSAGE_BYTES];
    size_t requests = t->left / MESSAGE_BYTES;
    struct uring ring;
    struct io_uring_cqe cqe;
    struct io_uring_sqe sqe;
    int result = 0;

    if (uring_open_polled(&ring, CONNECTIONS, 2000))
        return trial_fail(t, "io_uring_setup");
    for (int i = 0; i < CONNECTIONS; i++, requests--) {
        sqe = request_to_receive(t, i, messages);
        uring_queue(&ring, &sqe);
    }
    while (!result && t->left > 0) {
        if (uring_wake(&ring)) {
            result = trial_fail(t, "io_uring_enter");
            break;
        }
        if (!uring_take(&ring, &cqe)) {
            nanosleep(&nap, NULL);
            continue;
        }
        result = take_result(t, &cqe);
        if (result || requests == 0)
            continue;
        requests--;
        sqe = request_to_receive(t, (int)cqe.user_data, messages);
        uring_queue(&ring, &sqe);
    }
    uring_close(&ring);
    return result;
}
