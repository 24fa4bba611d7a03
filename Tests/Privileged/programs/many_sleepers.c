// THREADS: that many threads, and the first one, all asleep on a pipe until standard input ends.
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static int gate[2];

static void *sleep_on_pipe(void *unused)
{
    char byte;
    return (void *)read(gate[0], &byte, 1);
}

int main(int argc, char **argv)
{
    pthread_attr_t attributes;
    pthread_t id;
    char byte;

    if (pipe(gate))
        return 1;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 4 * PTHREAD_STACK_MIN);
    for (int i = 0; i < atoi(argv[1]); i++)
        if (pthread_create(&id, &attributes, sleep_on_pipe, 0))
            return 2;
    usleep(500000); // the last ones have still to fall asleep
    if (write(1, "ready\n", 6) != 6)
        return 3;
    read(0, &byte, 1);
    return 0;
}
