// What the loader tells the probes before they load. Constant from then on, so the verifier removes what is off.
#ifndef IOTRACE_CONFIG_H
#define IOTRACE_CONFIG_H

#include <linux/types.h>

// Which tasks are the target.
#define IOTRACE_TARGET_PIDS 0   // the thread groups in the `target_pids` map, some of them waiting for their exec
#define IOTRACE_TARGET_COMM 1   // processes whose leader is called `comm`, now or after an exec
#define IOTRACE_TARGET_CGROUP 2 // members of the cgroup `cgroup_id` and of those below it
#define IOTRACE_TARGET_ALL 3    // every user process

// Value of an entry of `target_pids`.
#define IOTRACE_PID_RUNNING 1    // trace from now on
#define IOTRACE_PID_AWAIT_EXEC 2 // trace from its next exec on

#define IOTRACE_COMM_BYTES 16

// System call numbers below this have a trait and a slot index; others are counted by number alone.
#define IOTRACE_SYSCALLS 512

// What a call does with its fds. The comment says which arguments (from 0) are fds and where the bytes are.
#define IOTRACE_KIND_NONE 0       // no I/O
#define IOTRACE_KIND_READ 1       // fd 0; the result is bytes in
#define IOTRACE_KIND_WRITE 2      // fd 0; the result is bytes out
#define IOTRACE_KIND_RECVMMSG 3   // fd 0; the bytes are in the mmsghdr array, argument 1
#define IOTRACE_KIND_SENDMMSG 4   // as RECVMMSG, out
#define IOTRACE_KIND_SENDFILE 5   // fd 0 out, fd 1 in
#define IOTRACE_KIND_SPLICE 6     // fd 0 in, fd 2 out
#define IOTRACE_KIND_COPY_RANGE 7 // as SPLICE, between files
#define IOTRACE_KIND_TEE 8        // fd 0 in, fd 1 out
#define IOTRACE_KIND_VMSPLICE                                                                                          \
    9 // fd 0, a pipe; the result is bytes out of user memory, or in when it is the reading end
#define IOTRACE_KIND_VM_READ 10    // no fd; the result is bytes in, from another process
#define IOTRACE_KIND_VM_WRITE 11   // no fd; the result is bytes out, to another process
#define IOTRACE_KIND_FD_WAIT 12    // fd 0 (an epoll or an AIO ring); an operation without bytes
#define IOTRACE_KIND_WAIT 13       // no single fd; an operation without bytes
#define IOTRACE_KIND_GETEVENTS 14  // as WAIT; the result is io_events in the array, argument 3
#define IOTRACE_KIND_ACCEPT 15     // fd 0 listens; the result is a new fd
#define IOTRACE_KIND_ADDRESS 16    // fd 0 gets an address: connect, bind, listen
#define IOTRACE_KIND_SYNC 17       // fd 0; an operation without bytes
#define IOTRACE_KIND_FD 18         // fd 0; not an operation, but it may sleep on the fd
#define IOTRACE_KIND_MMAP 19       // fd 4, not an operation
#define IOTRACE_KIND_EPOLL_CTL 20  // fd 2 is watched, or no longer
#define IOTRACE_KIND_OPEN 21       // the result is a new fd
#define IOTRACE_KIND_PIPE 22       // two new fds, written to argument 0
#define IOTRACE_KIND_SOCKETPAIR 23 // two new fds, written to argument 3
#define IOTRACE_KIND_CLOSE 24      // fd 0 is gone
#define IOTRACE_KIND_DUP 25        // the result is a new fd, perhaps in the place of an old one
#define IOTRACE_KIND_FCNTL 26      // fd 0; F_DUPFD makes a new one
#define IOTRACE_KIND_SUBMIT 27     // no fd; the result is iocbs of the array, argument 2

// Why a thread slept. The order is the order of `causes`.
#define IOTRACE_CAUSE_DISK 0
#define IOTRACE_CAUSE_SOCKET_RECV 1
#define IOTRACE_CAUSE_SOCKET_SEND 2
#define IOTRACE_CAUSE_ACCEPT 3
#define IOTRACE_CAUSE_CONNECT 4
#define IOTRACE_CAUSE_PIPE 5
#define IOTRACE_CAUSE_LOCK 6
#define IOTRACE_CAUSE_MULTIPLEXER 7
#define IOTRACE_CAUSE_ASYNC_WAIT 8
#define IOTRACE_CAUSE_SLEEP 9
#define IOTRACE_CAUSE_CHILD 10
#define IOTRACE_CAUSE_PAGE_FAULT 11
#define IOTRACE_CAUSE_OTHER 12
#define IOTRACE_CAUSES 13
// Not a cause: decide by the type of the fd. _IN and _OUT say which way the bytes would have gone.
#define IOTRACE_CAUSE_BY_FD_IN 14
#define IOTRACE_CAUSE_BY_FD_OUT 15

#define IOTRACE_TRAIT_LOADER 1           // the dynamic loader makes such calls before main()
#define IOTRACE_TRAIT_MSG_FLAGS_THIRD 2  // argument 2 are MSG_ flags
#define IOTRACE_TRAIT_MSG_FLAGS_FOURTH 4 // argument 3 are MSG_ flags
#define IOTRACE_TRAIT_NOWAIT_FOURTH 8    // argument 3 are SPLICE_F_ flags
#define IOTRACE_TRAIT_NOWAIT_SIXTH 16    // argument 5 are SPLICE_F_ or RWF_ flags

// The number of a helper that there is not: the loader makes calls of it calls of bpf_rdonly_cast.
#define IOTRACE_CALL_RDONLY_CAST 1000000001

struct iotrace_trait {
    __u8 kind;  // IOTRACE_KIND_…
    __u8 cause; // IOTRACE_CAUSE_…: what a sleep in this call waits for
    __u8 flags; // IOTRACE_TRAIT_…
    __u8 reserved;
};

struct iotrace_config {
    __u32 target;                  // IOTRACE_TARGET_…
    __u32 follow;                  // 1: children of a target are targets
    __u64 cgroup_id;               // inode number of the cgroup v2 directory
    __u32 tracer;                  // tgid of the tracer, left out of IOTRACE_TARGET_ALL; 0: none
    __u32 has_rdonly_cast;         // bpf_rdonly_cast exists (Linux 6.2)
    __u32 has_iomap_events;        // the tracepoints of direct I/O exist (Linux 6.6)
    __u32 ledger;                  // 0: copies are not accounted for
    __u32 request_timing;          // IOTRACE_TIMING_…
    __u32 models;                  // 0: operations are put down to no model
    __u8 comm[IOTRACE_COMM_BYTES]; // NUL-padded
    struct iotrace_trait traits[IOTRACE_SYSCALLS];
};
_Static_assert(sizeof(struct iotrace_config) == 56 + 4 * IOTRACE_SYSCALLS, "config layout");

#endif
