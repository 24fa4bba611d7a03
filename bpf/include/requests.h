// Requests that are submitted now and complete later: io_uring and Linux AIO.
#ifndef IOTRACE_REQUESTS_H
#define IOTRACE_REQUESTS_H

#include <linux/types.h>

// Counters and latencies of requests are by process, queue and operation.
struct iotrace_request_key {
    __u64 process_id;
    __u64 queue;     // the ring's address in the kernel, or the AIO context's id; 0: where there was no room for more
    __u32 operation; // IOTRACE_OPERATION_URING | opcode, or IOTRACE_OPERATION_AIO | command
    __u32 reserved;
};
_Static_assert(sizeof(struct iotrace_request_key) == 24, "request key layout");

struct iotrace_request_counter {
    __u64 submitted;
    __u64 completed;
    __u64 errors; // results below zero
    __u64 bytes;
    __u64 poll_armed;    // waited for readiness
    __u64 punted;        // handed to a worker thread
    __u64 linked;        // the next one of the ring waits for it: IOSQE_IO_LINK, IOSQE_IO_HARDLINK
    __u64 cancelled;     // of the errors: ECANCELED
    __u64 notifications; // further completions: what became of a zero-copy send …
    __u64 multishot;     // … and results of a request that goes on
};
#define IOTRACE_REQUEST_FIELDS 10
_Static_assert(sizeof(struct iotrace_request_counter) == 8 * IOTRACE_REQUEST_FIELDS, "request counter layout");

// Which requests are timed from their submission to their completion.
#define IOTRACE_TIMING_NONE 0
#define IOTRACE_TIMING_SAMPLED 1 // one in eight
#define IOTRACE_TIMING_ALL 2

// Rings of a process.
struct iotrace_ring_key {
    __u64 process_id;
    __u64 ring;
};

struct iotrace_ring {
    __u32 setup_flags; // IORING_SETUP_…
    __s32 fd;          // -1: not known
    __u64 overflows;   // completions that found the queue full
};

#endif
