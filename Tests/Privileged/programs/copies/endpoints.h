// What bytes are moved through: files, pipes, sockets. And whether data changed with their source.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "ledger.h"

static int source(int flags)
{
    int fd = open("source", flags);
    need(fd >= 0, "open source");
    return fd;
}

static int sink(int flags)
{
    int fd = open("sink", O_RDWR | O_CREAT | O_TRUNC | flags, 0600);
    need(fd >= 0, "open sink");
    return fd;
}

static bool cached(int fd)
{
    unsigned char resident = 0;
    void *page = mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    need(page != MAP_FAILED && mincore(page, PAGE, &resident) == 0, "mincore");
    munmap(page, PAGE);
    return resident & 1;
}

static void pipes(int ends[2])
{
    need(pipe(ends) == 0 && fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) == 1 << 20, "pipe");
}

static void tcp(int ends[2])
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(name);
    int listener = socket(AF_INET, SOCK_STREAM, 0), room = 4 << 20;

    need(bind(listener, (void *)&name, length) == 0 && listen(listener, 1) == 0, "listen");
    getsockname(listener, (void *)&name, &length);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    // Room for all that a scenario sends before it receives.
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
    need(connect(ends[0], (void *)&name, length) == 0, "connect");
    ends[1] = accept(listener, 0, 0);
    need(ends[1] >= 0, "accept");
    close(listener);
}

static void udp(int ends[2])
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(9)};
    socklen_t length = sizeof(name);
    int room = 8 << 20;

    ends[0] = socket(AF_INET, SOCK_DGRAM, 0);
    ends[1] = socket(AF_INET, SOCK_DGRAM, 0);
    need(inet_pton(AF_INET, address, &name.sin_addr) == 1, address);
    if (!strcmp(address, "127.0.0.1")) {
        name.sin_port = 0;
        setsockopt(ends[1], SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
        need(bind(ends[1], (void *)&name, length) == 0, "bind");
        getsockname(ends[1], (void *)&name, &length);
    }
    need(connect(ends[0], (void *)&name, length) == 0, "connect");
}

static void unix_pair(int type, int ends[2])
{
    int room = 4 << 20;
    need(socketpair(AF_UNIX, type, 0, ends) == 0, "socketpair");
    for (int i = 0; i < 2; i++)
        setsockopt(ends[i], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
}

static void receive(int fd, char *to, long n)
{
    while (n > 0) {
        long result = took(recv(fd, to, n, 0));
        need(result > 0, "recv");
        to += result, n -= result;
    }
}

static void read_all(int fd, char *to, long n)
{
    while (n > 0) {
        long result = took(read(fd, to, n));
        need(result > 0, "read");
        to += result, n -= result;
    }
}

static void write_all(int fd, const char *from, long n)
{
    while (n > 0) {
        long result = gave(write(fd, from, n));
        from += result, n -= result;
    }
}

// A page of the source, changed in the page cache without a call: data that refer to it change too, a copy does not.
static char *witness(void)
{
    int fd = source(O_RDWR);
    char *page = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    need(page != MAP_FAILED, "mmap source");
    close(fd);
    return page;
}

static void change(char *at)
{
    *(volatile char *)at ^= 0x5a;
}

static void need_equal(const char *a, const char *b, bool equal, const char *what)
{
    errno = 0;
    need((*a == *b) == equal, what);
}
