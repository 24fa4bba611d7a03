// The peer: a process at the other ends of the connections, which sends small messages with gaps between them. So the
// time that the program has to wait is known: about the sum of the gaps.
#define _GNU_SOURCE
#include "trial.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void nap(unsigned long long nanoseconds)
{
    struct timespec time = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};

    nanosleep(&time, NULL);
}

static void send_messages(const struct trial *t, const int *ends)
{
    char message[MESSAGE_BYTES];

    fill(message, sizeof(message));
    while (!__atomic_load_n(t->begun, __ATOMIC_ACQUIRE)) {
        // The worker may also give up before it begins.
        if (recv(ends[0], message, 1, MSG_DONTWAIT) == 0)
            return;
        nap(100000);
    }
    for (unsigned i = 0; i < t->messages; i++) {
        nap(t->gap);
        if (write(ends[i % (unsigned)t->method->connections], message, sizeof(message)) != (ssize_t)sizeof(message))
            return;
    }
    // It stays until the worker has ended, so that its end is no part of what is traced.
    while (read(ends[0], message, sizeof(message)) > 0)
        ;
}

int start_peer(struct trial *t)
{
    int ends[CONNECTIONS];

    t->begun = mmap(NULL, sizeof(*t->begun), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t->begun == MAP_FAILED)
        return trial_fail(t, "mmap");
    for (int i = 0; i < t->method->connections; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
            return trial_fail(t, "socketpair");
        t->connections[i] = pair[0];
        ends[i] = pair[1];
    }
    t->peer = fork();
    if (t->peer < 0)
        return trial_fail(t, "fork");
    if (t->peer == 0) {
        // Its own ends alone: the worker's, and the lab's pipes, must have no other holder.
        for (int i = 0; i < t->method->connections; i++)
            if (dup2(ends[i], i) < 0)
                _exit(1);
        if (close_range((unsigned)t->method->connections, ~0U, 0))
            _exit(1);
        send_messages(t, (const int[]){0, 1, 2, 3});
        _exit(0);
    }
    for (int i = 0; i < t->method->connections; i++)
        close(ends[i]);
    return 0;
}
