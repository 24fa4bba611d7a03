// I/O models: how the program learns that an operation can go ahead, at the moment of each operation.
#ifndef IOTRACE_MODELS_H
#define IOTRACE_MODELS_H

#include <linux/types.h>

// What a row of `models` stands for. Where a multiplexer or a signal says when, the odd number is that of a blocking
// fd.
#define IOTRACE_MODEL_BLOCKING 0
#define IOTRACE_MODEL_NONBLOCKING 1
#define IOTRACE_MODEL_EPOLL 2
#define IOTRACE_MODEL_EPOLL_BLOCKING_FD 3
#define IOTRACE_MODEL_POLL 4
#define IOTRACE_MODEL_POLL_BLOCKING_FD 5
#define IOTRACE_MODEL_SELECT 6
#define IOTRACE_MODEL_SELECT_BLOCKING_FD 7
#define IOTRACE_MODEL_SIGNAL 8
#define IOTRACE_MODEL_SIGNAL_BLOCKING_FD 9
#define IOTRACE_MODEL_URING 10
#define IOTRACE_MODEL_URING_SQPOLL 11
#define IOTRACE_MODEL_AIO 12
#define IOTRACE_MODEL_NONE 13 // waits, addresses, and what the dynamic loader does: no I/O of a model
#define IOTRACE_MODELS 14

struct iotrace_model_counter {
    __u64 operations;
    __u64 bytes;
};

// How an fd is watched: bits of iotrace_fd_counter.watched.
#define IOTRACE_WATCHED_EPOLL 1 // now
#define IOTRACE_WATCHED_POLL 2  // it was in a set of poll or select
#define IOTRACE_WATCHED_SELECT 4

#endif
