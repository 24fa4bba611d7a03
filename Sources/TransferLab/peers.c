// The other ends: connected pairs, and the children that hold one end of them.
#define _GNU_SOURCE
#include "transfer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE MIB

// Room for 4 MiB, so that a small transfer never waits for the other end. FORCE goes beyond wmem_max and rmem_max, and
// needs CAP_NET_ADMIN; a smaller buffer costs only time.
void make_roomy(int socket)
{
    int room = 4 * MIB;

    if (setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)))
        setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    if (setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
}

// What socketpair(2) does for AF_UNIX. Buffers are set first, since the window scale is agreed in the handshake; the
// accepted socket inherits them from the listener. Connecting ends before accept(2): the backlog takes the connection.
int connect_and_accept(int sender, int listener, unsigned address, int ends[2])
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    socklen_t length = sizeof(name);

    make_roomy(sender);
    make_roomy(listener);
    if (bind(listener, (struct sockaddr *)&name, sizeof(name)) || listen(listener, 1) ||
        getsockname(listener, (struct sockaddr *)&name, &length) ||
        connect(sender, (struct sockaddr *)&name, sizeof(name)))
        return -1;
    ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (ends[1] < 0)
        return -1;
    ends[0] = sender;
    return 0;
}

static int tcp_pair(struct transfer *t, int ends[2])
{
    int sender = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (sender < 0 || listener < 0 || connect_and_accept(sender, listener, INADDR_LOOPBACK, ends)) {
        fail(t, "connecting over TCP");
        if (sender >= 0)
            close(sender);
        if (listener >= 0)
            close(listener);
        return -1;
    }
    close(listener);
    return 0;
}

// The child reads ends[1] until its end; ends[0] becomes the sink.
int start_drain(struct transfer *t, int ends[2])
{
    t->child = lab_fork_with(ends[1]);
    if (t->child == 0) {
        char *piece = pages(PIECE);
        while (piece && read(0, piece, PIECE) > 0)
            ;
        _exit(0);
    }
    close(ends[1]);
    t->sink = ends[0];
    return t->child < 0 ? fail(t, "fork") : 0;
}

int start_tcp_drain(struct transfer *t)
{
    int ends[2];

    return tcp_pair(t, ends) ? -1 : start_drain(t, ends);
}

int start_unix_drain(struct transfer *t)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return fail(t, "socketpair");
    make_roomy(ends[0]);
    make_roomy(ends[1]);
    return start_drain(t, ends);
}

int start_pipe_drain(struct transfer *t)
{
    int both[2];

    if (pipe2(both, O_CLOEXEC))
        return fail(t, "pipe2");
    return start_drain(t, (int[2]){both[1], both[0]});
}

// The child sends the whole size as soon as there is room, and stays, so that its exit is no part of the transfer.
int start_tcp_feed(struct transfer *t)
{
    int ends[2];

    if (tcp_pair(t, ends))
        return -1;
    t->child = lab_fork_with(ends[1]);
    if (t->child == 0) {
        char *piece = pages(PIECE);
        if (!piece)
            _exit(1);
        fill(piece, PIECE);
        for (size_t sent = 0; sent < t->size; sent += PIECE)
            if (write_all(0, piece, PIECE))
                _exit(1);
        while (read(0, piece, PIECE) > 0)
            ;
        _exit(0);
    }
    close(ends[1]);
    t->source = ends[0];
    return t->child < 0 ? fail(t, "fork") : 0;
}

// The mapping is made before the fork, so that its address is known here, and filled after it, so that the pages are
// the child's.
int start_child_memory(struct transfer *t)
{
    int ends[2];
    char *memory, byte = 0;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return fail(t, "socketpair");
    t->lifeline = ends[0];
    memory = pages(t->size);
    if (!memory) {
        fail(t, "mmap");
        close(ends[1]);
        return -1;
    }
    t->child = lab_fork_with(ends[1]);
    if (t->child == 0) {
        fill(memory, t->size);
        if (write(0, &byte, 1) == 1)
            while (read(0, &byte, 1) > 0)
                ;
        _exit(0);
    }
    close(ends[1]);
    munmap(memory, t->size);
    t->child_memory = memory;
    if (t->child < 0)
        return fail(t, "fork");
    if (read(t->lifeline, &byte, 1) != 1) {
        errno = ENOMEM; // the only reason that the child has
        return fail(t, "filling the child's memory");
    }
    return 0;
}
