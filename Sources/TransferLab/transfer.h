// What the set-up makes and the moving functions use.
//
// A technique is a `prepare_…` (part of the set-up, where it needs one) and a `move_by_…`. The latter moves t->size
// bytes with nothing but the system calls that the technique consists of: it allocates nothing, asks no clock and
// prints nothing. It returns the bytes moved, which are fewer if the source ended early, or -1 through fail().
#ifndef TRANSFER_H
#define TRANSFER_H

#include "LabSupport.h"

#include <linux/aio_abi.h>
#include <stddef.h>
#include <sys/types.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define WHOLE_SIZE ((size_t)-1)

enum source_kind {
    NO_SOURCE,
    HOT_FILE,     // in the page cache
    COLD_FILE,    // dropped from it
    DIRECT_FILE,  // opened O_DIRECT
    DIRECT_TMPFS, // on /dev/shm, opened O_DIRECT
    PROC_FILE,
    DEV_ZERO,
    TCP_FEED, // a child sends
    CHILD_MEMORY,
};

enum sink_kind {
    NO_SINK,
    TCP_DRAIN, // a child reads, here and in the next three
    VETH_DRAIN,
    UNIX_DRAIN,
    PIPE_DRAIN,
    NEW_FILE,
    NEW_DIRECT_FILE,
    DEV_NULL,
};

struct transfer;

struct transfer_method {
    enum source_kind source;
    enum sink_kind sink;
    size_t buffer_size; // 0: none, WHOLE_SIZE: as large as the transfer
    int (*prepare)(struct transfer *t);
    ssize_t (*move)(struct transfer *t);
};

struct transfer {
    const struct transfer_method *method;
    size_t size;
    int directory; // O_PATH
    int source, sink;
    char *buffer; // page-aligned, pseudo-random content
    size_t buffer_size;
    const char *map;     // the source, for vmsplice
    int pipe[2], tee[2]; // between source and sink, and its copy
    size_t pipe_size;
    int null; // where tee discards what it has copied
    struct uring ring;
    aio_context_t aio;
    pid_t child;
    int lifeline;             // the child that owns `child_memory` leaves when this closes
    const char *child_memory; // an address in the child
    struct lab_problem problem;
};

/// Both record the reason and return -1. fail() takes errno.
int fail(struct transfer *t, const char *what);
int unavailable(struct transfer *t, const char *why);

/// Finds a row's method by its name, or NULL.
const struct transfer_method *find_method(const char *name);

// files.c
int open_source(struct transfer *t);
int open_sink(struct transfer *t);

// peers.c, veth.c
void make_roomy(int socket);
int connect_and_accept(int sender, int listener, unsigned address, int ends[2]);
int start_drain(struct transfer *t, int ends[2]);
int start_tcp_drain(struct transfer *t);
int start_unix_drain(struct transfer *t);
int start_pipe_drain(struct transfer *t);
int start_veth_drain(struct transfer *t);
int start_tcp_feed(struct transfer *t);
int start_child_memory(struct transfer *t);

// The techniques, one file for each family.
int write_all(int fd, const char *buffer, size_t count);
ssize_t move_by_read_write(struct transfer *t);
ssize_t move_by_read_write_fsync(struct transfer *t);
ssize_t move_by_pread_write(struct transfer *t);
ssize_t move_by_preadv_writev(struct transfer *t);
ssize_t move_by_mmap_write(struct transfer *t);

ssize_t move_by_sendfile(struct transfer *t);
ssize_t move_by_copy_file_range(struct transfer *t);

int prepare_splice(struct transfer *t);
ssize_t move_by_splice(struct transfer *t);
int prepare_vmsplice(struct transfer *t);
ssize_t move_by_vmsplice(struct transfer *t);
int prepare_tee(struct transfer *t);
ssize_t move_by_tee(struct transfer *t);

int prepare_zerocopy(struct transfer *t);
ssize_t move_by_zerocopy(struct transfer *t);
ssize_t move_by_zerocopy_unread(struct transfer *t);

int prepare_uring(struct transfer *t);
int prepare_uring_fixed(struct transfer *t);
int prepare_uring_send_zc(struct transfer *t);
ssize_t move_by_uring_read_send(struct transfer *t);
ssize_t move_by_uring_read_fixed_send(struct transfer *t);
ssize_t move_by_uring_send_zc(struct transfer *t);
ssize_t move_by_uring_fixed_direct(struct transfer *t);

ssize_t move_by_direct_io(struct transfer *t);
int prepare_direct_unaligned(struct transfer *t);
ssize_t move_by_direct_unaligned(struct transfer *t);
int prepare_aio(struct transfer *t);
ssize_t move_by_aio(struct transfer *t);

ssize_t move_by_recv_trunc(struct transfer *t);
ssize_t move_by_process_vm_readv(struct transfer *t);

#endif
