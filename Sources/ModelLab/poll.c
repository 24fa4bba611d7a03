// I/O multiplexing with poll(2): as select(2), but the set is an array of fds, which may be any. The whole array goes
// into the kernel with each call, so a call costs more the more fds there are.
#define _GNU_SOURCE
#include "trial.h"

#include <poll.h>
#include <unistd.h>

static int receive_with(struct trial *t, int (*wait)(struct pollfd *set), const char *name)
{
    char message[MESSAGE_BYTES];
    struct pollfd set[CONNECTIONS];

    if (make_nonblocking(t))
        return -1;
    for (int i = 0; i < CONNECTIONS; i++)
        set[i] = (struct pollfd){.fd = t->connections[i], .events = POLLIN};
    while (t->left > 0) {
        if (wait(set) < 0)
            return trial_fail(t, name);
        for (int i = 0; i < CONNECTIONS; i++)
            if (set[i].revents && received(t, read(set[i].fd, message, sizeof(message)), "read"))
                return -1;
    }
    return 0;
}

static int wait_in_poll(struct pollfd *set)
{
    return poll(set, CONNECTIONS, -1);
}

// ppoll(2) can also change the signal mask for the time of the wait, and takes its timeout in nanoseconds.
static int wait_in_ppoll(struct pollfd *set)
{
    return ppoll(set, CONNECTIONS, NULL, NULL);
}

int receive_by_poll(struct trial *t)
{
    return receive_with(t, wait_in_poll, "poll");
}

int receive_by_ppoll(struct trial *t)
{
    return receive_with(t, wait_in_ppoll, "ppoll");
}
