// poll and select: what counts as watched, and for how long.
#pragma once

#include "common.h"

struct turns {
    int fds[2];
    pthread_barrier_t barrier;
};

static void *reader(void *argument)
{
    struct turns *turns = argument;
    for (int i = 0; i < TIMES; i++) {
        pthread_barrier_wait(&turns->barrier);
        take(turns->fds[0]);
        pthread_barrier_wait(&turns->barrier);
    }
    return 0;
}

// One thread polls, another one reads.
static void poll_in_one_thread_read_in_another(void)
{
    struct turns turns;
    void *thread;

    pair(turns.fds);
    pthread_barrier_init(&turns.barrier, 0, 2);
    thread = in_thread(reader, &turns);
    for (int i = 0; i < TIMES; i++) {
        feed(turns.fds[1]);
        wait_by_poll(turns.fds[0], -1);
        pthread_barrier_wait(&turns.barrier);
        pthread_barrier_wait(&turns.barrier);
    }
    join(thread);
}

// Two duplicates from before the first poll, and one that is made later.
static void poll_one_read_its_duplicates(void)
{
    int fds[2], duplicates[3];

    pair(fds);
    duplicates[0] = TRY(dup(fds[0]));
    duplicates[1] = TRY(dup(fds[0]));
    for (int i = 0; i < TIMES; i++) {
        feed(fds[1]);
        wait_by_poll(fds[0], -1);
        if (i == 0)
            duplicates[2] = TRY(fcntl(fds[0], F_DUPFD_CLOEXEC, 40));
        take(duplicates[i % 3]);
    }
}

static void read_all(void *fd)
{
    for (int i = 0; i < TIMES; i++)
        take(*(int *)fd);
}

// The parent has polled the fd; the child, which has it too, just reads.
static void poll_in_the_parent_read_in_the_child(void)
{
    int fds[2];

    pair(fds);
    feed(fds[1]);
    wait_by_poll(fds[0], -1);
    take(fds[0]);
    for (int i = 0; i < TIMES; i++)
        feed(fds[1]);
    in_child(read_all, &fds[0]);
}

// Polls a socket, closes it, and reads another one that gets its number without a poll.
static void reuse_a_polled_number(void)
{
    for (int i = 0; i < TIMES; i++) {
        int fds[2], number;

        pair(fds);
        number = fds[0];
        feed(fds[1]);
        wait_by_poll(fds[0], -1);
        take(fds[0]);
        close(fds[0]);
        close(fds[1]);
        pair(fds);
        if (fds[0] != number)
            _exit(2);
        feed(fds[1]);
        take(fds[0]);
        close(fds[0]);
        close(fds[1]);
    }
}

static void open_often_then_poll_the_next(void *argument)
{
    int often = *(int *)argument, first[2], second[2], other;

    pair(first);
    other = TRY(open("/dev/null", O_RDONLY));
    close(first[1]);
    for (int i = 0; i < often; i++)
        TRY(dup2(other, first[0])); // a new file behind the number, again and again
    wait_by_poll(first[0], 0);
    pair(second); // its number follows that of the first
    if (second[0] != first[0] + 1)
        _exit(2);
    feed(second[1]);
    wait_by_poll(second[0], -1);
    take(second[0]);
}

// Polls two sets that differ by one in the number of the fd, and by more and more in how often its file has changed.
static void poll_sets_that_look_alike(void)
{
    for (int often = 0; often < 64; often++)
        in_child(open_often_then_poll_the_next, &often);
}

// Waits in poll for the first byte only, as programs do that connect with a timeout.
static void *feed_slowly(void *fd)
{
    for (int i = 0; i < TIMES; i++) {
        nap(1000);
        feed(*(int *)fd);
    }
    return 0;
}

static void poll_once_then_block(void)
{
    int fds[2];
    void *thread;

    pair(fds);
    thread = in_thread(feed_slowly, &fds[1]);
    wait_by_poll(fds[0], -1);
    for (int i = 0; i < TIMES; i++)
        take(fds[0]);
    join(thread);
}

// The same, and polls again for the second half.
static void poll_once_then_block_then_poll_again(void)
{
    int fds[2];
    void *thread;

    pair(fds);
    thread = in_thread(feed_slowly, &fds[1]);
    wait_by_poll(fds[0], -1);
    for (int i = 0; i < TIMES / 2; i++)
        take(fds[0]);
    for (int i = 0; i < TIMES / 2; i++) {
        wait_by_poll(fds[0], -1);
        take(fds[0]);
    }
    join(thread);
}

// Asks poll, which never waits, until there is something.
static void poll_without_waiting(void)
{
    int fds[2];
    struct pollfd entry;

    pair(fds);
    entry = (struct pollfd){.fd = fds[0], .events = POLLIN};
    for (int i = 0; i < TIMES; i++) {
        for (int j = 0; j < 9; j++)
            if (TRY(poll(&entry, 1, 0)))
                _exit(2);
        feed(fds[1]);
        if (TRY(poll(&entry, 1, 0)) != 1)
            _exit(2);
        take(fds[0]);
    }
}

// select and poll without fds are older than nanosleep, and still used for it.
static void select_to_sleep(void)
{
    for (int i = 0; i < 20; i++) {
        struct timeval time = {.tv_usec = 2000};
        struct timespec fine = {.tv_nsec = 2000000};
        TRY(select(0, 0, 0, 0, &time));
        TRY(poll(0, 0, 2));
        TRY(pselect(FD_SETSIZE, 0, 0, 0, &fine, 0));
        TRY(ppoll(0, 0, &fine, 0));
    }
}

// It has slept half of its life when the trace ends, and sleeps on.
static void select_to_sleep_for_long(void)
{
    struct timeval time = {.tv_sec = 20};
    TRY(select(0, 0, 0, 0, &time));
}

// One that sleeps so, and reads a socket that it watches by select.
static void select_to_sleep_and_to_watch(void)
{
    int fds[2];

    pair(fds);
    for (int i = 0; i < 20; i++) {
        struct timeval time = {.tv_usec = 2000};
        fd_set set;

        TRY(select(0, 0, 0, 0, &time));
        feed(fds[1]);
        FD_ZERO(&set);
        FD_SET(fds[0], &set);
        TRY(select(fds[0] + 1, &set, 0, 0, 0));
        take(fds[0]);
    }
}
