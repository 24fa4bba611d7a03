// Nonblocking I/O: with O_NONBLOCK read(2) returns at once, with data or with EAGAIN. The program never sleeps, and
// asks again and again: it polls, at the cost of a CPU.
#include "trial.h"

#include <errno.h>
#include <unistd.h>

int receive_spinning(struct trial *t)
{
    char message[MESSAGE_BYTES];

    if (make_nonblocking(t))
        return -1;
    while (t->left > 0) {
        ssize_t got = read(t->connections[0], message, sizeof(message));
        if (got < 0 && errno == EAGAIN)
            continue;
        if (received(t, got, "read"))
            return -1;
    }
    return 0;
}
