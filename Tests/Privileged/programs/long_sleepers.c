// FILE: reads standard input twice, and after the first line has three threads at work.
//   one reads FILE 7 times, sleeps in a read of a pipe until the second line comes, and reads FILE 3 times more
//   one sleeps in nanosleep until just before that
//   one reads FILE 5 times and ends
// Prints how long the first two slept, by the clock, in nanoseconds.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int file, ends[2];
static long long in_pipe, in_nap;
static long nap_ms;

static long long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void *read_file(void *times)
{
    char buffer[64];

    for (long left = (long)times; left > 0; left--)
        if (read(file, buffer, sizeof(buffer)) != sizeof(buffer))
            exit(1);
    return NULL;
}

static void *wait_in_pipe(void *unused)
{
    char byte;

    read_file((void *)7);
    in_pipe = -now();
    if (read(ends[0], &byte, 1) != 1)
        exit(1);
    in_pipe += now();
    return read_file((void *)3);
}

static void *nap(void *unused)
{
    struct timespec time = {.tv_sec = nap_ms / 1000, .tv_nsec = nap_ms % 1000 * 1000000};

    in_nap = -now();
    nanosleep(&time, NULL);
    in_nap += now();
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t threads[3];
    char line[16];

    if (argc != 3 || (file = open(argv[1], O_RDONLY)) < 0 || pipe(ends))
        return 1;
    nap_ms = atol(argv[2]);
    if (read(0, line, sizeof(line)) <= 0)
        return 1;
    pthread_create(&threads[0], NULL, wait_in_pipe, NULL);
    pthread_create(&threads[1], NULL, nap, NULL);
    pthread_create(&threads[2], NULL, read_file, (void *)5);
    if (read(0, line, sizeof(line)) <= 0 || write(ends[1], "x", 1) != 1)
        return 1;
    for (int index = 0; index < 3; index++)
        pthread_join(threads[index], NULL);
    printf("%lld %lld\n", in_pipe, in_nap);
    return 0;
}
