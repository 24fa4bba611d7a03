// epoll, and what is watched by it: nested sets, sets of other processes, fds that are no sockets.
#pragma once

#include "common.h"

static int watch(int set, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    TRY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
    return fd;
}

static int ready(int set, int timeout)
{
    struct epoll_event event;
    return TRY(epoll_wait(set, &event, 1, timeout)) ? event.data.fd : -1;
}

static void epoll_in_epoll(void)
{
    int fds[2], inner = TRY(epoll_create1(0)), outer = TRY(epoll_create1(0));

    pair(fds);
    watch(inner, fds[0]);
    watch(outer, inner);
    for (int i = 0; i < TIMES; i++) {
        feed(fds[1]);
        if (ready(outer, -1) != inner || ready(inner, 0) != fds[0])
            _exit(2);
        take(fds[0]);
    }
}

struct set_and_fd {
    int set, fd;
};

static void serve(void *argument)
{
    struct set_and_fd *both = argument;
    for (int i = 0; i < TIMES; i++) {
        ready(both->set, -1);
        take(both->fd);
    }
}

// The child waits in the set that its parent made.
static void epoll_set_inherited(void)
{
    int fds[2];
    struct set_and_fd both = {.set = TRY(epoll_create1(0))};

    pair(fds);
    both.fd = watch(both.set, fds[0]);
    for (int i = 0; i < TIMES; i++)
        feed(fds[1]);
    in_child(serve, &both);
}

static void read_blocking(void *argument)
{
    struct set_and_fd *both = argument;
    for (int i = 0; i < TIMES; i++)
        take(both->fd);
}

// The parent watches the fd, as an event loop its terminal; the child has inherited it and just reads.
static void epoll_set_of_the_parent(void)
{
    int fds[2];
    struct set_and_fd both = {.set = TRY(epoll_create1(0))};

    pair(fds);
    both.fd = watch(both.set, fds[0]);
    feed(fds[1]);
    ready(both.set, -1);
    take(fds[0]);
    for (int i = 0; i < TIMES; i++)
        feed(fds[1]);
    in_child(read_blocking, &both);
}

static void event_and_timer_loop(void)
{
    int set = TRY(epoll_create1(0)), event = TRY(eventfd(0, EFD_NONBLOCK)),
        timer = TRY(timerfd_create(CLOCK_MONOTONIC, 0));
    struct itimerspec soon = {.it_value.tv_nsec = 1000};
    uint64_t number = 1;

    watch(set, event);
    watch(set, timer);
    for (int i = 0; i < TIMES; i++) {
        if (i % 2)
            TRY(write(event, &number, 8));
        else
            TRY(timerfd_settime(timer, 0, &soon, 0));
        TRY(read(ready(set, -1), &number, 8));
        number = 1;
    }
}

// A thread that waits for another by an eventfd, without a set.
static void *signal_events(void *fd)
{
    uint64_t one = 1;
    for (int i = 0; i < TIMES; i++) {
        nap(200);
        TRY(write(*(int *)fd, &one, 8));
    }
    return 0;
}

static void block_on_an_event(void)
{
    int event = TRY(eventfd(0, EFD_SEMAPHORE));
    uint64_t number;
    void *thread = in_thread(signal_events, &event);

    for (int i = 0; i < TIMES; i++)
        TRY(read(event, &number, 8));
    join(thread);
}

static void block_on_a_signalfd(void)
{
    struct signalfd_siginfo signal;
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    fd = TRY(signalfd(-1, &set, 0));
    for (int i = 0; i < TIMES; i++) {
        kill(getpid(), SIGUSR1);
        TRY(read(fd, &signal, sizeof(signal)));
    }
}

// An accept that blocks for the first connection, and then a loop.
static void accept_then_loop(void)
{
    struct sockaddr_un_small {
        sa_family_t family;
        char path[8];
    } name = {.family = AF_UNIX};
    int listener = TRY(socket(AF_UNIX, SOCK_STREAM, 0)), client = TRY(socket(AF_UNIX, SOCK_STREAM, 0));
    int set = TRY(epoll_create1(0)), connection;
    socklen_t length = sizeof(name);

    TRY(bind(listener, (struct sockaddr *)&name, sizeof(sa_family_t))); // an abstract name of the kernel's choice
    TRY(getsockname(listener, (struct sockaddr *)&name, &length));
    TRY(listen(listener, 8));
    TRY(connect(client, (struct sockaddr *)&name, length));
    connection = watch(set, TRY(accept(listener, 0, 0)));
    for (int i = 0; i < TIMES; i++) {
        feed(client);
        ready(set, -1);
        take(connection);
    }
}

// A daemon that wakes up to find nothing.
static void idle_loop(void)
{
    int fds[2], set = TRY(epoll_create1(0));

    pair(fds);
    watch(set, fds[0]);
    for (int i = 0; i < 50; i++)
        ready(set, 1);
}
