// What the probes keep for each traced thread, in its task-local storage, and how the iterator hands it out.
#ifndef IOTRACE_THREAD_H
#define IOTRACE_THREAD_H

#include "config.h"
#include "file.h"

#define IOTRACE_THREAD_AWAIT_EXEC 1  // not counted before its next exec
#define IOTRACE_THREAD_STARTUP 2     // in the dynamic loader
#define IOTRACE_THREAD_EXITED 4      // its counters have been added to the process
#define IOTRACE_THREAD_KERNEL 8      // an io_uring worker: no system calls of its own
#define IOTRACE_THREAD_NEWBORN 16    // has not yet returned from the clone that made it
#define IOTRACE_THREAD_CLOSED 32     // the window is over: nothing is added any more, its totals are final
#define IOTRACE_THREAD_AIO_HELPER 64 // does the C library's POSIX AIO
#define IOTRACE_THREAD_INACTIVE (IOTRACE_THREAD_AWAIT_EXEC | IOTRACE_THREAD_EXITED | IOTRACE_THREAD_CLOSED)

// Where the thread is in the scheduler's eyes.
#define IOTRACE_SCHED_RUNNING 0
#define IOTRACE_SCHED_RUNNABLE 1
#define IOTRACE_SCHED_BLOCKED 2

// Where a sleep happened.
#define IOTRACE_WAIT_IN_CALL 0 // in a system call, still to return: charged at its exit
#define IOTRACE_WAIT_TAIL 1    // on the way back to user mode after the call
#define IOTRACE_WAIT_FAULT 2   // a page fault taken from user mode
#define IOTRACE_WAIT_STOPPED 3 // stopped by a signal or a tracer
#define IOTRACE_WAIT_WORKER 4  // an io_uring worker waiting for work

#define IOTRACE_CALL_SLOTS 32 // 32 × 48 bytes: the whole state fits in a 4 KiB allocation
#define IOTRACE_FD_SLOTS 16   // a power of two: an fd's slot is its low bits

// Counters of one system call in one thread, or in one process.
struct iotrace_call_counter {
    __u32 nr;     // system call number; IOTRACE_COMPAT_BIT is set for 32-bit callers
    __u32 sleeps; // calls that slept
    __u64 count;
    __u64 errors; // results from -4095 to -1
    __u64 bytes;
    __u64 blocked_ns;
    __u64 runqueue_ns;
};
_Static_assert(sizeof(struct iotrace_call_counter) == 48, "call counter layout");

#define IOTRACE_COMPAT_BIT 0x80000000u

struct iotrace_call_key {
    __u64 process_id;
    __u32 nr;
    __u32 tid; // 0: of threads that have ended; else a thread that ran out of slots, which alone writes the entry
};

// Times and counts that both a thread and its process have.
struct iotrace_totals {
    __u64 observed_ns;
    __u64 on_cpu_ns; // the scheduler's own sum_exec_runtime
    __u64 blocked_ns;
    __u64 runqueue_ns;
    __u64 voluntary;   // nvcsw
    __u64 involuntary; // nivcsw
    __u64 user_faults; // page faults taken from user mode
    __u64 startup_operations;
    __u64 startup_bytes_in;
    __u64 startup_bytes_out;
    __u64 uring_submitted;      // SQEs
    __u64 uring_operations;     // completed requests, but for failed ones
    __u64 posix_aio_operations; // reads, writes and syncs of the C library's threads for POSIX AIO
    // Signals that say an fd is ready: F_SETOWN with O_ASYNC.
    __u64 signals_sent;
    __u64 signals_merged;  // of these, found the same signal pending, and so were not queued
    __u64 signals_handled; // taken by a handler
    __u64 again_timed;     // timed calls that ended with EAGAIN
    __u64 again_on_cpu_ns; // their time on a CPU
    __u64 wakeups;         // waits for readiness that ended with ready fds
    __u64 idle_wakeups;    // of these, followed by no successful call on any fd before the next wait
    // Calls that slept in a thread that runs an event loop: see loops.bpf.h.
    __u64 loop_sync_calls; // fsync and its kin
    __u64 loop_sync_ns;
    __u64 loop_file_calls; // reads and writes of regular files and block devices
    __u64 loop_file_ns;
    __u64 loop_blocking_calls; // on fds that may sleep and that nobody watches
    __u64 loop_blocking_ns;
    __u64 poll_fds;         // sizes of the sets of poll, added up over its calls
    __u64 select_fds;       // first arguments of select, added up
    __u64 worker_on_cpu_ns; // of on_cpu_ns: io_uring's worker threads
    __u64 sqpoll_on_cpu_ns; // of on_cpu_ns: io_uring's threads that poll submission queues
    // Successful waits for readiness or results that are none.
    __u64 poll_sleeps;   // poll without fds
    __u64 select_sleeps; // select without fds
    __u64 sleep_wait_ns; // of both, failed ones too: blocked and in a run queue
    __u64 instant_waits; // a timeout of 0
    __u64 causes[IOTRACE_CAUSES];
};
_Static_assert(sizeof(struct iotrace_totals) == 272 + 8 * IOTRACE_CAUSES, "totals layout");

struct iotrace_thread_header {
    __u64 process_id; // see process_id_of()
    __u32 tid;
    __u32 tgid;
    __u32 flags; // IOTRACE_THREAD_…
    __u32 calls_used;
    __u32 call_nr;    // of the call that is returning
    __u32 pending_io; // one of pending_dma_in, pending_dma_out and pending_direct_… is not zero
    __u64 window_start_ns;
    __u64 closed_ns; // when it was closed
    // Scheduler state.
    __u64 state_since_ns;
    __u32 sched_state; // IOTRACE_SCHED_…
    __s32 wait_nr;     // the system call of the sleep
    __u32 wait_place;  // IOTRACE_WAIT_…
    __u32 wait_disk;   // uninterruptible and counted as I/O wait by the kernel
    // The kernel's own counters when the window began, and at the last switch to this thread.
    __u64 on_cpu_base_ns;
    __u64 on_cpu_at_switch_ns;
    __u64 last_runqueue_ns; // the wait before the thread got the CPU it is on
    __u64 voluntary_base;
    __u64 involuntary_base;
    // Sleeps of the call in progress, charged when it returns.
    __u64 pending_blocked_ns;
    __u64 pending_disk_ns;
    __u64 pending_runqueue_ns;
    __u64 pending_sleeps;
    // Bytes that the call in progress gave to and got from devices, charged to its fd when it returns.
    __u64 pending_dma_in;
    __u64 pending_dma_out;
    __u64 pending_direct_in; // of direct I/O that completed in the call
    __u64 pending_direct_out;
    __u64 direct_writes; // the direct I/O in progress writes
    __u64 dma_in_base;   // task->ioac when the window began
    __u64 dirtied_base;
    __u64 last_fault_mapping; // the page of a file mapping that was brought last
    __u64 last_fault_index;
    __u64 poll_set;     // what its last set of poll or select was, in a number
    __u64 last_ring;    // the io_uring that it used last
    __u64 opens;        // calls of open and its kin that succeeded
    __u32 loop_waits;   // waits for readiness
    __u16 woken;        // the last of them ended with ready fds …
    __u16 worked;       // … and a call on some fd has succeeded since
    __u64 call_bytes;   // that the call which is returning moved
    __u64 entered_ns;   // CLOCK_MONOTONIC at entry; 0 when entries are not being timed
    __u64 loader_start; // text of the dynamic loader
    __u64 loader_end;
    __u64 sampled_since_ns; // `state_since_ns` of the sleep that user space has: while it goes on nothing changes
    struct iotrace_totals totals;
    struct iotrace_ledger ledger;
};

struct iotrace_thread_state {
    struct iotrace_thread_header header;
    __u8 slot_of[IOTRACE_SYSCALLS]; // index into calls, plus 1; 0: none yet
    struct iotrace_call_counter calls[IOTRACE_CALL_SLOTS];
    struct iotrace_fd_counter fds[IOTRACE_FD_SLOTS];
};
_Static_assert(sizeof(struct iotrace_thread_state) <= 3968, "storage element must fit in 4 KiB with its header");

// What the iterator writes of each thread: this alone, or a sample that begins with it.
struct iotrace_thread_line {
    __u64 now_ns;
    __u32 tid;
    __u32 flags; // IOTRACE_LINE_…
};

#define IOTRACE_LINE_UNCHANGED 1  // no sample: it is in the sleep that its last sample had
#define IOTRACE_LINE_ASLEEP 2     // a sample that lines without one may follow
#define IOTRACE_LINE_SLEEP_WAIT 4 // the sleep is part of totals.sleep_wait_ns

// One thread as the iterator writes it: this, then call_count call counters, then fd_count fd counters.
// `header.totals` include the state that is still open at `line.now_ns`.
struct iotrace_thread_sample {
    struct iotrace_thread_line line;
    struct iotrace_thread_header header;
    // A sleep or a call that is still in progress; its time is in totals.causes already, but in no call or fd yet.
    __u64 open_blocked_ns;
    __u64 open_runqueue_ns;
    __u64 open_file_id; // 0: no fd
    __s32 open_nr;      // -1: no call in progress
    __u32 open_cause;
    __u32 call_count;
    __u32 fd_count;
};

#endif
