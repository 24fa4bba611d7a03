// Requests that are submitted now and complete later: their counters, and the times of some of them or of all.
#pragma once

#include "latency.bpf.h"
#include "ledger.bpf.h"
#include "threads.bpf.h"

HASH(requests, 16384, struct iotrace_request_key, struct iotrace_request_counter);
HASH(request_overflow, 4096, struct iotrace_request_key, struct iotrace_request_counter);
HASH(request_latencies, 16384, struct iotrace_request_key, struct iotrace_latency);

// A request that is timed, or that did not complete at once.
struct pending_request {
    u64 submitted_ns; // 0: not timed
    u64 name;         // io_uring: its user_data, to tell it from a later request at the same address; AIO: its context
    u32 detours;      // REQUEST_…
    u32 reserved;
};
// By the address of the kernel's request, or by aio_key().
LRU(pending_requests, 65536, u64, struct pending_request);

// How many entries of pending_requests there are by a hash of their names: for most completions none, and then the map
// need not be searched. An entry that the LRU drops stays counted here, which costs a needless search now and then.
#define PENDING_NAMES 65536
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, PENDING_NAMES);
    __type(key, u32);
    __type(value, u32);
} pending_names SEC(".maps");

static __always_inline u32 *pending_count(u64 name)
{
    u32 index = name * 0x9E3779B97F4A7C15ull >> 48;
    return bpf_map_lookup_elem(&pending_names, &index);
}

static __always_inline bool may_be_pending(u64 name)
{
    u32 *count = pending_count(name);
    return count && *count;
}

static __always_inline void put_pending(u64 key, struct pending_request *pending)
{
    struct pending_request *known = bpf_map_lookup_elem(&pending_requests, &key);
    u32 *count = pending_count(known ? known->name : 0);

    if (known && count) // left by a request that nobody saw end
        __sync_fetch_and_add(count, -1);
    PUT(pending_requests, &key, pending);
    count = pending_count(pending->name);
    if (count)
        __sync_fetch_and_add(count, 1);
}

static __always_inline void forget_pending(u64 key, u64 name)
{
    u32 *count = pending_count(name);

    if (!bpf_map_delete_elem(&pending_requests, &key) && count)
        __sync_fetch_and_add(count, -1);
}

#define REQUEST_POLL_ARMED 1
#define REQUEST_PUNTED 2

static __always_inline struct iotrace_request_counter *request_counter(struct iotrace_request_key *key)
{
    struct iotrace_request_counter *counter, empty = {};

    FIND_OR_MAKE(counter, requests, key, &empty);
    if (!counter) { // where there is no room, one row for many
        key->queue = 0;
        FIND_OR_MAKE(counter, request_overflow, key, &empty);
    }
    if (!counter)
        LOSE(ledger_map_full, 1);
    return counter;
}

// A request has completed, whatever it was.
static __always_inline void count_completed(struct iotrace_request_counter *counter, s64 result, u64 moved)
{
    __sync_fetch_and_add(&counter->completed, 1);
    if (result < 0)
        __sync_fetch_and_add(&counter->errors, 1);
    if (result == -ECANCELED)
        __sync_fetch_and_add(&counter->cancelled, 1);
    if (moved)
        __sync_fetch_and_add(&counter->bytes, moved);
}

// Whether the next request of a thread is timed; of a sampled one in eight, in no step with the program's own pattern.
static __always_inline bool times_request(u64 number)
{
    return config.request_timing == IOTRACE_TIMING_ALL ||
           (config.request_timing == IOTRACE_TIMING_SAMPLED && (u32)number * 2654435761u >> 29 == 0);
}

// A timed request has completed.
__noinline int record_request(u64 process_id, u64 queue, u32 operation, u64 submitted_ns)
{
    struct iotrace_request_key key = {.process_id = process_id, .queue = queue, .operation = operation};
    u64 total = elapsed(submitted_ns, bpf_ktime_get_ns());
    struct iotrace_latency *latency = bpf_map_lookup_elem(&request_latencies, &key);
    struct scratch *scratch;

    if (!latency) {
        scratch = scratch_of(SCRATCH_TRACEPOINT);
        if (!scratch)
            return 0;
        bpf_map_update_elem(&request_latencies, &key, &scratch->latency, BPF_NOEXIST);
        latency = bpf_map_lookup_elem(&request_latencies, &key);
    }
    if (latency)
        add_latency(latency, total, total);
    else
        LOSE(latency_map_full, 1);
    return 0;
}
