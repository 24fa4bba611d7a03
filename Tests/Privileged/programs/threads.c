// THREADS CALLS: that many threads at once, each of which calls getppid that often. What the C library does about it is the
// same in every run: the threads begin together, allocate nothing, and have long ended when they are joined.
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int gate[2], finished[2];
static long calls;

static void *thread_main(void *unused)
{
    char byte;
    if (read(gate[0], &byte, 1) != 1)
        return 0;
    for (long i = 0; i < calls; i++)
        syscall(SYS_getppid);
    if (write(finished[1], &byte, 1) != 1)
        return 0;
    return 0;
}

int main(int argc, char **argv)
{
    int threads = atoi(argv[1]);
    pthread_t *ids = calloc(threads, sizeof(*ids));
    struct timespec pause = {0, 200000000};
    pthread_attr_t attributes;
    char byte = 0;

    calls = atol(argv[2]);
    if (pipe(gate) || pipe(finished))
        return 1;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 4 * PTHREAD_STACK_MIN);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], &attributes, thread_main, 0))
            return 2;
    for (int i = 0; i < threads; i++)
        if (write(gate[1], &byte, 1) != 1)
            return 3;
    for (int i = 0; i < threads; i++)
        if (read(finished[0], &byte, 1) != 1)
            return 4;
    nanosleep(&pause, 0);
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], 0);
    return 0;
}
