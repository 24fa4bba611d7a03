// Signal-driven I/O: with O_ASYNC the kernel sends SIGIO when there is something to read, fcntl(2). Until then the
// program does what it likes; here it has nothing else to do and suspends itself, which is no I/O call.
#define _GNU_SOURCE
#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

// Only to end sigsuspend(2). A real program would read here, or set a flag.
static void on_sigio(int number)
{
    (void)number;
}

int receive_by_sigio(struct trial *t)
{
    char message[MESSAGE_BYTES];
    struct sigaction action = {.sa_handler = on_sigio};
    sigset_t sigio, others;
    int connection = t->connections[0];

    // Blocked but for the time of sigsuspend, so that no signal comes between a look and the sleep.
    sigemptyset(&sigio);
    sigaddset(&sigio, SIGIO);
    if (sigprocmask(SIG_BLOCK, &sigio, &others) || sigaction(SIGIO, &action, NULL))
        return trial_fail(t, "sigaction");
    sigdelset(&others, SIGIO);
    if (fcntl(connection, F_SETOWN, getpid()) || fcntl(connection, F_SETFL, O_ASYNC | O_NONBLOCK))
        return trial_fail(t, "fcntl");
    while (t->left > 0) {
        // Signals are not counted: one may stand for several messages, so everything is read, until EAGAIN.
        ssize_t got = read(connection, message, sizeof(message));
        if (got < 0 && errno == EAGAIN)
            sigsuspend(&others);
        else if (received(t, got, "read"))
            return -1;
    }
    return 0;
}
