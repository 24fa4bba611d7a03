// I/O multiplexing with select(2): the thread sleeps until any of its connections has data, and reads then without
// sleeping. The sets are bit masks that go in and come out with each call, for fds below 1024.
#include "trial.h"

#include <sys/select.h>
#include <unistd.h>

int receive_by_select(struct trial *t)
{
    char message[MESSAGE_BYTES];

    if (make_nonblocking(t))
        return -1;
    while (t->left > 0) {
        fd_set ready;
        int most = -1;

        FD_ZERO(&ready);
        for (int i = 0; i < CONNECTIONS; i++) {
            FD_SET(t->connections[i], &ready);
            if (t->connections[i] > most)
                most = t->connections[i];
        }
        if (select(most + 1, &ready, NULL, NULL, NULL) < 0)
            return trial_fail(t, "select");
        for (int i = 0; i < CONNECTIONS; i++)
            if (FD_ISSET(t->connections[i], &ready) &&
                received(t, read(t->connections[i], message, sizeof(message)), "read"))
                return -1;
    }
    return 0;
}
