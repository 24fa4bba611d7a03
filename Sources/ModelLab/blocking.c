// Blocking I/O: read(2) returns when it has data. Until then the thread sleeps in the call (the wait phase), and then
// the same call copies the data (the transfer phase). One thread can wait for one connection only.
#include "trial.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

int receive_blocking(struct trial *t)
{
    char message[MESSAGE_BYTES];

    while (t->left > 0)
        if (received(t, read(t->connections[0], message, sizeof(message)), "read"))
            return -1;
    return 0;
}

struct receiver {
    pthread_t thread;
    struct trial part; // one connection, and what comes over it
};

static void *receive_one(void *part)
{
    receive_blocking(part);
    return NULL;
}

// Thread per connection: the remedy for that. Every thread blocks by itself, and only the memory and the switches of
// many threads limit it.
int receive_in_threads(struct trial *t)
{
    struct receiver receivers[CONNECTIONS];

    for (int i = 0; i < CONNECTIONS; i++) {
        receivers[i].part = (struct trial){.connections = {t->connections[i]}, .left = t->left / CONNECTIONS};
        errno = pthread_create(&receivers[i].thread, NULL, receive_one, &receivers[i].part);
        if (errno)
            return trial_fail(t, "pthread_create");
    }
    t->left = 0;
    for (int i = 0; i < CONNECTIONS; i++) {
        pthread_join(receivers[i].thread, NULL);
        t->left += receivers[i].part.left;
        if (receivers[i].part.problem.failed)
            t->problem = receivers[i].part.problem;
    }
    return t->problem.failed ? -1 : 0;
}
