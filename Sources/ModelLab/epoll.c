// I/O multiplexing with epoll(7): the kernel keeps the set, so that a wait costs the same for any number of fds.
#include "trial.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static int watch(struct trial *t, unsigned events)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    for (int i = 0; epoll >= 0 && i < CONNECTIONS; i++) {
        struct epoll_event event = {.events = events, .data.fd = t->connections[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, t->connections[i], &event)) {
            close(epoll);
            return trial_fail(t, "epoll_ctl");
        }
    }
    return epoll < 0 ? trial_fail(t, "epoll_create1") : epoll;
}

// Level-triggered: a wait returns as long as there is something to read, so one read for each event is enough.
int receive_by_epoll(struct trial *t)
{
    char message[MESSAGE_BYTES];
    struct epoll_event ready[CONNECTIONS];
    int epoll, count, result = 0;

    if (make_nonblocking(t))
        return -1;
    epoll = watch(t, EPOLLIN);
    if (epoll < 0)
        return -1;
    while (!result && t->left > 0) {
        count = epoll_wait(epoll, ready, CONNECTIONS, -1);
        if (count < 0)
            result = trial_fail(t, "epoll_wait");
        for (int i = 0; i < count && !result; i++)
            result = received(t, read(ready[i].data.fd, message, sizeof(message)), "read");
    }
    close(epoll);
    return result;
}

// Edge-triggered: a wait returns once when something has come, so everything has to be read, until EAGAIN.
int receive_by_epoll_edge(struct trial *t)
{
    char message[MESSAGE_BYTES];
    struct epoll_event ready[CONNECTIONS];
    int epoll, count, result = 0;

    if (make_nonblocking(t))
        return -1;
    epoll = watch(t, EPOLLIN | EPOLLET);
    if (epoll < 0)
        return -1;
    while (!result && t->left > 0) {
        count = epoll_wait(epoll, ready, CONNECTIONS, -1);
        if (count < 0)
            result = trial_fail(t, "epoll_wait");
        for (int i = 0; i < count && !result; i++)
            for (;;) {
                ssize_t got = read(ready[i].data.fd, message, sizeof(message));
                if (got < 0 && errno == EAGAIN)
                    break;
                result = received(t, got, "read");
                if (result)
                    break;
            }
    }
    close(epoll);
    return result;
}
