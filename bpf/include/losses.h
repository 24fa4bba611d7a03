// What the probes could not record. Any of these above zero makes the report incomplete, and it says so.
#ifndef IOTRACE_LOSSES_H
#define IOTRACE_LOSSES_H

#include <linux/types.h>

struct iotrace_losses {
    __u64 thread_storage_failed; // threads not traced: their storage could not be made
    __u64 process_map_full;      // processes without a record: their counters are lost at thread exit
    __u64 call_map_full;         // per-syscall counters that could not be kept apart; calls concerned
    __u64 file_map_full;         // fds that could not be identified; operations are in `syscalls` only
    __u64 latency_map_full;      // latencies measured and not recorded
    __u64 ledger_map_full;       // hidden copies, pairs of fds, samples and ended threads without a row of their own
    __u64 mapping_busy;          // write faults whose mapping could not be looked up: pages copied on write are missing
    __u64 uring_unnamed;         // io_uring completions that name no known request: their bytes, if any, are missing
    __u64 user_read_failed;      // results in user memory that could not be read (mmsghdr, pipe fds): bytes are missing
};
_Static_assert(sizeof(struct iotrace_losses) == 72, "losses layout");

#endif
