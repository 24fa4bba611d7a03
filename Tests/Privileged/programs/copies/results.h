// Calls with short, interrupted, refused and no results.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "endpoints.h"

static void vectors(void)
{
    struct iovec three[3] = {{buffer, 4096}, {buffer + 5000, 4096}, {buffer + 10000, 4096}};
    int from = source(O_RDONLY), to = sink(0);

    need(size > 8192 && size < 12288, "size");
    need(took(readv(from, three, 3)) == size, "readv");
    need(took(readv(from, three, 3)) == 0, "readv at the end");
    need(took(preadv(from, three, 3, size - 5003)) == 5003, "preadv");
    need(took(preadv(from, three, 3, size + 9)) == 0, "preadv past the end");
    lseek(from, -4099, SEEK_END);
    need(took(preadv2(from, three, 2, -1, 0)) == 4099, "preadv2");
    need(took(pread(from, buffer, size, 13)) == size - 13, "pread");
    need(gave(writev(to, three, 3)) == 12288, "writev");
    need(gave(pwritev(to, three, 2, 77)) == 8192, "pwritev");
    need(gave(pwritev2(to, three, 3, -1, RWF_APPEND)) == 12288, "pwritev2");
    need(gave(pwrite(to, buffer, 1009, 3)) == 1009, "pwrite");
}

static void nonblocking(void)
{
    int ends[2], pair[2];

    need(pipe2(ends, O_NONBLOCK) == 0, "pipe");
    need(read(ends[0], buffer, 100) == -1 && errno == EAGAIN, "empty");
    need(gave(write(ends[1], buffer, 100000)) == 65536, "short write");
    need(write(ends[1], buffer, 100000) == -1 && errno == EAGAIN, "full");
    need(took(read(ends[0], buffer, PAGE)) == PAGE, "read");
    need(gave(write(ends[1], buffer, 100000)) == PAGE, "one page");
    tcp(pair);
    need(recv(pair[1], buffer, 100, MSG_DONTWAIT) == -1 && errno == EAGAIN, "nothing to receive");
    // Until the socket takes no more, which is an amount that only the results tell.
    for (long n; (n = send(pair[0], buffer, LARGEST, MSG_DONTWAIT)) > 0;)
        gave(n);
    need(errno == EAGAIN, "send");
    need(took(recv(pair[1], buffer, 5003, MSG_DONTWAIT)) == 5003, "recv");
}

static void on_alarm(int signal)
{
}

static void interrupted(void)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval tick = {.it_value.tv_usec = 30000, .it_interval.tv_usec = 30000}, none = {};
    int ends[2], pair[2];

    need(pipe(ends) == 0, "pipe");
    tcp(pair);
    sigaction(SIGALRM, &action, 0);
    setitimer(ITIMER_REAL, &tick, 0);
    need(read(ends[0], buffer, 100) == -1 && errno == EINTR, "read of nothing");
    need(gave(write(ends[1], buffer, 1 << 20)) == 65536, "write that was cut short");
    need(write(ends[1], buffer, 10) == -1 && errno == EINTR, "write of nothing");
    need(gave(send(pair[0], buffer, 1013, 0)) == 1013, "send");
    need(took(recv(pair[1], buffer, 5000, MSG_WAITALL)) == 1013, "recv that was cut short");
    setitimer(ITIMER_REAL, &none, 0);
}

static void closed_peer(void)
{
    int ends[2], pair[2];

    signal(SIGPIPE, SIG_IGN);
    need(pipe(ends) == 0, "pipe");
    need(gave(write(ends[1], buffer, 1009)) == 1009, "write");
    close(ends[0]);
    need(write(ends[1], buffer, 5000) == -1 && errno == EPIPE, "write to nobody");
    // A peer that goes away while the write sleeps: the result is what got into the pipe.
    need(pipe(ends) == 0, "pipe");
    if (!child()) {
        close(ends[1]);
        read_all(ends[0], buffer, 3 * PAGE);
        usleep(20000);
        _exit(0);
    }
    close(ends[0]);
    need(gave(write(ends[1], buffer, 1 << 20)) < 1 << 20, "write to a peer that leaves");
    wait(0);
    tcp(pair);
    close(pair[1]);
    need(gave(send(pair[0], buffer, 1021, 0)) == 1021, "send before the reset");
    usleep(10000);
    need(send(pair[0], buffer, 5000, 0) == -1, "send after the reset");
    unix_pair(SOCK_STREAM, pair);
    close(pair[1]);
    need(write(pair[0], buffer, 5000) == -1 && errno == EPIPE, "write to a closed socket");
}

// A buffer that ends in memory that isn't there: the result is what was copied before.
static void faults(void)
{
    char *edge = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int from = source(O_RDONLY), to = sink(0), ends[2];

    memset(edge, 1, 2 * PAGE);
    munmap(edge + 2 * PAGE, PAGE);
    pipes(ends);
    need(took(read(from, edge, 3 * PAGE)) == 2 * PAGE, "read");
    need(gave(write(to, edge, 3 * PAGE)) == 2 * PAGE, "write");
    need(gave(write(ends[1], edge, 3 * PAGE)) == 2 * PAGE, "write to a pipe");
    need(read(from, edge + 2 * PAGE, PAGE) == -1 && errno == EFAULT, "read to nowhere");
    need(write(to, edge + 2 * PAGE, PAGE) == -1 && errno == EFAULT, "write from nowhere");
}

// A pipe of packets is opened with the flag that files have for direct I/O.
static void packet_pipe(void)
{
    int ends[2];

    need(pipe2(ends, O_DIRECT) == 0, "pipe");
    need(gave(write(ends[1], buffer, 1009)) == 1009 && gave(write(ends[1], buffer, 503)) == 503, "write");
    need(took(read(ends[0], buffer, 4096)) == 1009, "a packet");
    need(took(read(ends[0], buffer, 100)) == 100, "a part of a packet");
}

// Calls that pass structures, names and lists, and no payload.
static void arguments(void)
{
    int ends[2], directory = open(".", O_RDONLY), from = source(O_RDONLY);
    struct pollfd poll_fd = {from, POLLIN, 0};
    struct stat status;

    for (int i = 0; i < 100; i++) {
        syscall(SYS_getdents64, directory, buffer, 65536);
        lseek(directory, 0, SEEK_SET);
        fstat(from, &status);
        readlink("/proc/self/exe", buffer, PAGE);
        getcwd(buffer, PAGE);
        poll(&poll_fd, 1, 0);
    }
    need(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
}
