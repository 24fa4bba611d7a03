// What the programs that try to break a rule share. A failed call ends them: what they did not do cannot be judged.
#pragma once

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIMES 200

static long checked(long result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        _exit(1);
    }
    return result;
}
#define TRY(call) checked(call, #call)

static void nap(long microseconds)
{
    struct timespec time = {.tv_nsec = microseconds * 1000};
    nanosleep(&time, 0);
}

// A connected pair; [0] is what is looked at, [1] feeds it and is never watched.
static void pair(int fds[2])
{
    TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}

static void feed(int fd)
{
    TRY(send(fd, "x", 1, 0));
}

static void take(int fd)
{
    char byte;
    TRY(recv(fd, &byte, 1, 0));
}

static void wait_by_poll(int fd, int timeout)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    TRY(poll(&entry, 1, timeout));
}

static void set_nonblocking(int fd, int on)
{
    TRY(fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0));
}

// Runs a part of a scenario in a child, and waits for it.
static void in_child(void (*part)(void *), void *what)
{
    int status;
    pid_t child = TRY(fork());

    if (!child) {
        part(what);
        _exit(0);
    }
    TRY(waitpid(child, &status, 0));
    if (status)
        _exit(1);
}

static void *in_thread(void *(*part)(void *), void *what)
{
    pthread_t *thread = malloc(sizeof(*thread));
    if (pthread_create(thread, 0, part, what))
        _exit(1);
    return thread;
}

static void join(void *thread)
{
    pthread_join(*(pthread_t *)thread, 0);
    free(thread);
}
