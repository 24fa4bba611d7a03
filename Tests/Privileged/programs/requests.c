// Requests of io_uring with a known fate, as many as asked for: requests late|chain|multishot|many N.
#include "../../../Sources/LabSupport/uring.c"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct uring ring;
static int pipe_fds[2];

static void check(int failed, const char *what)
{
    if (failed) {
        perror(what);
        exit(1);
    }
}

static void push(const struct io_uring_sqe *sqe)
{
    unsigned tail = *ring.sq_tail, index = tail & ring.sq_mask;

    ring.sqes[index] = *sqe;
    ring.sq_array[index] = index;
    __atomic_store_n(ring.sq_tail, tail + 1, __ATOMIC_RELEASE);
}

static void submit(unsigned submissions, unsigned completions)
{
    check(uring_enter(&ring, submissions, completions) < 0, "io_uring_enter");
}

static int next_result(void)
{
    struct io_uring_cqe cqe;
    check(uring_wait(&ring, &cqe), "waiting for a completion");
    return cqe.res;
}

static void *write_late(void *unused)
{
    (void)unused;
    usleep(20000);
    check(write(pipe_fds[1], "x", 1) != 1, "write");
    return NULL;
}

// Each read finds the pipe empty, and its byte 20 ms later.
static void late(int count)
{
    check(pipe(pipe_fds), "pipe");
    for (int i = 0; i < count; i++) {
        char byte;
        struct io_uring_sqe sqe = {.opcode = IORING_OP_READ, .fd = pipe_fds[0], .addr = (unsigned long)&byte, .len = 1};
        pthread_t writer;
        push(&sqe);
        submit(1, 0);
        check(pthread_create(&writer, NULL, write_late, NULL), "pthread_create");
        check(next_result() != 1, "read");
        pthread_join(writer, NULL);
    }
}

// Pairs of which the first fails, so that the second is cancelled.
static void chain(int count)
{
    for (int i = 0; i < count; i++) {
        char byte;
        struct io_uring_sqe first = {
            .opcode = IORING_OP_READ, .fd = -1, .flags = IOSQE_IO_LINK, .addr = (unsigned long)&byte, .len = 1};
        struct io_uring_sqe second = {.opcode = IORING_OP_NOP};
        push(&first);
        push(&second);
        submit(2, 2);
        int results = next_result() + next_result();
        check(results != -EBADF - ECANCELED, "a chain");
    }
}

// One request that completes each time the eventfd becomes readable.
static void multishot(int count)
{
    struct io_uring_sqe sqe = {.opcode = IORING_OP_POLL_ADD, .len = IORING_POLL_ADD_MULTI, .poll32_events = POLLIN};
    unsigned long long value;

    sqe.fd = eventfd(0, EFD_NONBLOCK);
    check(sqe.fd < 0, "eventfd");
    push(&sqe);
    submit(1, 0);
    for (int i = 0; i < count; i++) {
        check(eventfd_write(sqe.fd, 1), "eventfd_write");
        check(next_result() <= 0, "poll");
        check(read(sqe.fd, &value, 8) != 8, "read");
    }
}

// Reads of /dev/zero and no-ops by turns.
static void many(int count)
{
    int zero = open("/dev/zero", O_RDONLY);
    char bytes[10];
    struct io_uring_sqe reading = {.opcode = IORING_OP_READ, .fd = zero, .addr = (unsigned long)bytes, .len = 10};
    struct io_uring_sqe nothing = {.opcode = IORING_OP_NOP};

    for (int i = 0; i < count; i++) {
        push(&reading);
        push(&nothing);
        submit(2, 2);
        next_result();
        next_result();
    }
}

int main(int argc, char **argv)
{
    int count = argc == 3 ? atoi(argv[2]) : 0;

    if (!count) {
        fprintf(stderr, "usage: requests late|chain|multishot|many N\n");
        return 2;
    }
    if (uring_open(&ring, 8)) {
        perror("io_uring_setup");
        return 77;
    }
    if (!strcmp(argv[1], "late"))
        late(count);
    else if (!strcmp(argv[1], "chain"))
        chain(count);
    else if (!strcmp(argv[1], "multishot"))
        multishot(count);
    else
        many(count);
    uring_close(&ring);
    return 0;
}
