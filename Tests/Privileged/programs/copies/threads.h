// Threads with amounts of their own, and transfers that somebody ends in the middle.
#pragma once

#include <pthread.h>
#include <sys/sendfile.h>

#include "endpoints.h"

static void *reading_thread(void *unused)
{
    int fd = source(O_RDONLY);
    struct thread_ledger *thread = &mine->threads[0];

    thread->tid = gettid();
    for (int i = 0; i < 3; i++)
        thread->payload_in += pread(fd, buffer, size, 0);
    thread->kernel_to_user = thread->payload_in;
    return 0;
}

static void *writing_thread(void *unused)
{
    int fd = sink(0);
    struct thread_ledger *thread = &mine->threads[1];

    thread->tid = gettid();
    for (int i = 0; i < 2; i++)
        thread->payload_out += write(fd, buffer + LARGEST / 2, size);
    thread->user_to_kernel = thread->payload_out;
    return 0;
}

static void threads(void)
{
    pthread_t ids[2];

    pthread_create(&ids[0], 0, reading_thread, 0);
    pthread_create(&ids[1], 0, writing_thread, 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(ids[i], 0);
        took(mine->threads[i].payload_in), gave(mine->threads[i].payload_out);
    }
    need(mine->payload_in == 3 * size && mine->payload_out == 2 * size, "threads");
}

// These go to fd 1 until somebody ends them, and print nothing.
static void endless_write(void)
{
    char *much = mmap(0, 256 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    while (write(1, much, 256 << 20) > 0)
        ;
}

static void endless_sendfile(void)
{
    for (int fd = source(O_RDONLY);;) {
        off_t start = 0;
        if (sendfile(1, fd, &start, size) < 0)
            break;
    }
}
