// CAUSE MILLISECONDS [FILE]: the process sleeps once, for that long, for that reason. Another thread or process ends the sleep.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <time.h>
#include <unistd.h>

static long milliseconds;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int held[2];

static void pause_now(void)
{
    struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&t, 0);
}

static void *hold_mutex(void *unused)
{
    pthread_mutex_lock(&mutex);
    if (write(held[1], "", 1) != 1)
        exit(1);
    pause_now();
    pthread_mutex_unlock(&mutex);
    return 0;
}

// The child does `act` on `fd` after the pause, then stays until its parent is gone, so that nobody waits for it.
static void later(void (*act)(int), int fd)
{
    pid_t parent = getpid();
    if (fork() == 0) {
        pause_now();
        act(fd);
        while (getppid() == parent)
            usleep(10000);
        _exit(0);
    }
}

static void send_byte(int fd)
{
    if (write(fd, "", 1) != 1)
        _exit(1);
}

static void drain(int fd)
{
    static char sink[1 << 20];
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (read(fd, sink, sizeof(sink)) > 0)
        ;
}

static void accept_one(int fd)
{
    accept(fd, 0, 0);
}

static struct sockaddr_in address;

static void connect_now(int fd)
{
    int client = socket(AF_INET, SOCK_STREAM, 0);
    connect(client, (struct sockaddr *)&address, sizeof(address));
    (void)fd;
}

static void fill(int fd)
{
    static char block[4096];
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, block, sizeof(block)) > 0)
        ;
    fcntl(fd, F_SETFL, 0);
}

int main(int argc, char **argv)
{
    const char *cause = argv[1];
    char byte[4096];
    int ends[2], pair[2];

    milliseconds = atol(argv[2]);
    signal(SIGCHLD, SIG_IGN);
    if (pipe(ends) || pipe(held) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        return 1;
    if (!strcmp(cause, "sleep")) {
        pause_now();
    } else if (!strcmp(cause, "lock")) {
        pthread_t thread;
        pthread_create(&thread, 0, hold_mutex, 0);
        if (read(held[0], byte, 1) != 1)
            return 1;
        pthread_mutex_lock(&mutex);
    } else if (!strcmp(cause, "child")) {
        signal(SIGCHLD, SIG_DFL);
        if (fork() == 0) {
            pause_now();
            _exit(0);
        }
        wait(0);
    } else if (!strcmp(cause, "pipe")) {
        later(send_byte, ends[1]);
        if (read(ends[0], byte, 1) != 1)
            return 1;
    } else if (!strcmp(cause, "pipe-full")) {
        fill(ends[1]);
        later(drain, ends[0]);
        if (write(ends[1], byte, 4096) != 4096)
            return 1;
    } else if (!strcmp(cause, "socket_recv")) {
        later(send_byte, pair[1]);
        if (recv(pair[0], byte, 1, 0) != 1)
            return 1;
    } else if (!strcmp(cause, "socket_recv-by-read")) {
        later(send_byte, pair[1]);
        if (read(pair[0], byte, 1) != 1)
            return 1;
    } else if (!strcmp(cause, "socket_send")) {
        fill(pair[0]);
        later(drain, pair[1]);
        if (send(pair[0], byte, 4096, 0) != 4096)
            return 1;
    } else if (!strcmp(cause, "accept")) {
        socklen_t length = sizeof(address);
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 8) ||
            getsockname(listener, (struct sockaddr *)&address, &length))
            return 1;
        later(connect_now, 0);
        if (accept(listener, 0, 0) < 0)
            return 1;
    } else if (!strcmp(cause, "connect")) {
        // A unix listener with no room left makes the next connect() wait for an accept().
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        int listener = socket(AF_UNIX, SOCK_STREAM, 0), first = socket(AF_UNIX, SOCK_STREAM, 0);
        snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "iotrace-test-%d", getpid());
        if (bind(listener, (struct sockaddr *)&name, sizeof(name)) || listen(listener, 0) ||
            connect(first, (struct sockaddr *)&name, sizeof(name)))
            return 1;
        later(accept_one, listener);
        if (connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&name, sizeof(name)))
            return 1;
    } else if (!strcmp(cause, "multiplexer-epoll")) {
        struct epoll_event event = {.events = EPOLLIN};
        int epoll = epoll_create1(0);
        epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event);
        later(send_byte, ends[1]);
        epoll_wait(epoll, &event, 1, -1);
    } else if (!strcmp(cause, "multiplexer-poll")) {
        struct pollfd entry = {.fd = ends[0], .events = POLLIN};
        later(send_byte, ends[1]);
        poll(&entry, 1, -1);
    } else if (!strcmp(cause, "multiplexer-select")) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(ends[0], &set);
        later(send_byte, ends[1]);
        select(ends[0] + 1, &set, 0, 0, 0);
    } else {
        return 2;
    }
    return 0;
}
