// What the probes keep for each traced process: its identity, and the counters of threads that have ended.
#ifndef IOTRACE_PROCESS_H
#define IOTRACE_PROCESS_H

#include "thread.h"

#define IOTRACE_COMMAND_BYTES 512

#define IOTRACE_PROCESS_STARTED 1 // it was born in the window
#define IOTRACE_PROCESS_EXITED 2
#define IOTRACE_PROCESS_COMMAND_TRUNCATED 4
#define IOTRACE_PROCESS_COMMAND_UNKNOWN 8 // existed before: user space reads /proc/PID/cmdline

struct iotrace_process_record {
    __u64 process_id;
    __u32 pid;
    __u32 ppid;
    __u32 flags; // IOTRACE_PROCESS_…
    __u32 threads_ended;
    __u64 cgroup_id;
    __u64 started_ns; // CLOCK_MONOTONIC; when the window of this process began
    __u64 exited_ns;
    __s32 exit_code; // as wait(2) encodes it
    __u32 command_length;
    __u8 comm[IOTRACE_COMM_BYTES];
    struct iotrace_totals totals;        // of threads that have ended
    struct iotrace_ledger ledger;        // of threads that have ended, and of I/O that completed outside any thread
    __u8 command[IOTRACE_COMMAND_BYTES]; // arguments, each NUL-terminated
};
_Static_assert(sizeof(struct iotrace_process_record) ==
                   72 + sizeof(struct iotrace_totals) + sizeof(struct iotrace_ledger) + IOTRACE_COMMAND_BYTES,
               "process record layout");

// One line of the seeding iterator: a thread that existed when tracing began.
struct iotrace_seeded_thread {
    __u32 tid;
    __u32 tgid;
    __s32 in_call_nr; // the call it was in, or -1
    __u32 reserved;
};

#endif
