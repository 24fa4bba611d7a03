// What the worker sets up and the programs use.
//
// A program receives t->left bytes, which come as messages of MESSAGE_BYTES over the connections in turn, and returns
// 0, or -1 through trial_fail(). Each is to be read as an example of its model: it makes by itself whatever the model
// needs.
#ifndef TRIAL_H
#define TRIAL_H

#include "LabSupport.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MESSAGE_BYTES ((size_t)512)
#define CONNECTIONS 4
#define BLOCK_BYTES ((size_t)4096)

struct trial;

struct model_method {
    int connections;                                 // 0: the program needs no peer
    enum { NO_FILE, CACHED_FILE, DIRECT_FILE } file; // with a block for each message
    int (*prepare)(struct trial *t);                 // finds out whether this machine can, or NULL
    int (*program)(struct trial *t);
};

struct trial {
    const struct model_method *method;
    unsigned messages;            // a multiple of CONNECTIONS
    unsigned long long gap;       // nanoseconds
    int connections[CONNECTIONS]; // method->connections of them: connected sockets
    size_t left;                  // bytes to receive
    int directory, file;
    struct lab_problem problem;
    pid_t peer;
    int *begun; // shared with the peer, which begins when it is set
};

/// Finds a row's method by its name, or NULL.
const struct model_method *find_model_method(const char *name);

/// Both record the reason and return -1. trial_fail() takes errno.
int trial_fail(struct trial *t, const char *what);
int trial_unavailable(struct trial *t, const char *why);

/// Puts a result of a read of any kind down to the trial: what is left. Returns 0, or -1 when it was none.
int received(struct trial *t, ssize_t result, const char *what);

/// Switches O_NONBLOCK on for all connections.
int make_nonblocking(struct trial *t);

// peer.c
int start_peer(struct trial *t);

// The programs, a file for each model.
int receive_blocking(struct trial *t);
int receive_in_threads(struct trial *t);
int receive_spinning(struct trial *t);
int receive_by_select(struct trial *t);
int receive_by_poll(struct trial *t);
int receive_by_ppoll(struct trial *t);
int receive_by_epoll(struct trial *t);
int receive_by_epoll_edge(struct trial *t);
int receive_by_sigio(struct trial *t);
int need_aio_poll(struct trial *t);
int receive_by_aio(struct trial *t);
int read_direct_by_aio(struct trial *t);
int receive_by_posix_aio(struct trial *t);
int need_uring(struct trial *t);
int receive_by_uring(struct trial *t);
int need_polled_uring(struct trial *t);
int receive_by_polled_uring(struct trial *t);
int receive_blocking_then_epoll(struct trial *t);
int receive_by_epoll_read_by_uring(struct trial *t);

#endif
