// The maps that the probe families share, and the one way to each of them.
#pragma once

#include "kernel.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "config.h"
#include "file.h"
#include "latency.h"
#include "losses.h"
#include "process.h"
#include "requests.h"
#include "thread.h"

const volatile struct iotrace_config config SEC(".rodata.config");

// The last file_id given out.
u64 last_file_id SEC(".data.ids") = 0;

// Set when the window is closed: threads that are born or named from then on are not traced.
u32 window_closed SEC(".data.ids") = 0;

#define HASH(name, entries, key_type, value_type)                                                                      \
    struct {                                                                                                           \
        __uint(type, BPF_MAP_TYPE_HASH);                                                                               \
        __uint(map_flags, BPF_F_NO_PREALLOC);                                                                          \
        __uint(max_entries, entries);                                                                                  \
        __type(key, key_type);                                                                                         \
        __type(value, value_type);                                                                                     \
    } name SEC(".maps")

// For what nobody tells the end of.
#define LRU(name, entries, key_type, value_type)                                                                       \
    struct {                                                                                                           \
        __uint(type, BPF_MAP_TYPE_LRU_HASH);                                                                           \
        __uint(max_entries, entries);                                                                                  \
        __type(key, key_type);                                                                                         \
        __type(value, value_type);                                                                                     \
    } name SEC(".maps")

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct iotrace_thread_state);
} threads SEC(".maps");

HASH(target_pids, 8192, u32, u32);
HASH(processes, 65536, u64, struct iotrace_process_record);
HASH(process_calls, 262144, struct iotrace_call_key, struct iotrace_call_counter);
HASH(fd_bindings, 131072, struct iotrace_fd_key, struct iotrace_fd_binding);
HASH(files, 131072, u64, struct iotrace_file_record);
HASH(open_files, 131072, struct iotrace_open_file_key, u64);
HASH(closed_paths, 131072, struct iotrace_path_key, u64);
HASH(hidden_copies, 65536, struct iotrace_hidden_key, struct iotrace_hidden);
HASH(pairs, 65536, struct iotrace_pair_key, struct iotrace_pair);
HASH(hidden_overflow, 8192, struct iotrace_hidden_key, struct iotrace_hidden);
HASH(pair_overflow, 8192, struct iotrace_pair_key, struct iotrace_pair);
HASH(ended_threads, 65536, struct iotrace_thread_key, struct iotrace_thread_copies);
HASH(samples, 65536, struct iotrace_sample_key, struct iotrace_samples);
HASH(uring_rings, 8192, struct iotrace_ring_key, struct iotrace_ring);
HASH(splice_functions, 128, u64, u32); // address → IOTRACE_SPLICE_…
HASH(latencies, 65536, struct iotrace_call_key, struct iotrace_latency);

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, u32);
    __type(value, struct iotrace_losses);
} losses SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, IOTRACE_SYMBOLS);
    __type(key, u32);
    __type(value, struct iotrace_symbol);
} symbols SEC(".maps");

// Changes whenever an fd number of a process is opened or closed, so that other threads' cached entries for it are
// checked again. Indexed by a hash of both; a collision costs a needless check, never a wrong answer.
#define GENERATIONS 16384
u32 fd_generations[GENERATIONS];

// Values too large for the 512-byte stack are composed here. Tracepoint programs run with preemption off; iterators do
// not, and a tracepoint may interrupt them, so each has its own.
#define SCRATCH_TRACEPOINT 0
#define SCRATCH_ITERATOR 1
struct scratch {
    struct iotrace_thread_state thread; // only the header is ever written, so a copy starts with empty tables
    struct iotrace_process_record process;
    struct iotrace_file_record file;
    u8 overrun[256];                // lets the verifier bound a string read that starts inside file.path
    struct iotrace_latency latency; // always zero
    struct iotrace_thread_sample sample;
    struct iotrace_thread_copies copies;
};
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 2);
    __type(key, u32);
    __type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *scratch_of(u32 who)
{
    return bpf_map_lookup_elem(&scratches, &who);
}

#define LOSE(field, amount)                                                                                            \
    do {                                                                                                               \
        u32 zero_ = 0;                                                                                                 \
        struct iotrace_losses *losses_ = bpf_map_lookup_elem(&losses, &zero_);                                         \
        if (losses_)                                                                                                   \
            __sync_fetch_and_add(&losses_->field, (amount));                                                           \
    } while (0)

// For entries that something later looks for: without one, what it finds out goes into no row.
#define PUT(map, key, value)                                                                                           \
    do {                                                                                                               \
        if (bpf_map_update_elem(&map, key, value, BPF_ANY))                                                            \
            LOSE(ledger_map_full, 1);                                                                                  \
    } while (0)

// The loader makes it a call of the kernel's function: libbpf would search all of the kernel's types for that.
static void *(*const bpf_rdonly_cast)(const void *obj, u32 btf_id) = (void *)IOTRACE_CALL_RDONLY_CAST;

// Whether a number is not zero, as 0 or 1. Without a branch, for each of which the verifier would follow the rest of
// the program twice.
static __always_inline u32 any_bit(u64 number)
{
    u64 negative = -number;

    barrier_var(negative); // or the compiler would see what it is about, and branch
    return (number | negative) >> 63;
}

// The id of a struct among the kernel's types, for bpf_rdonly_cast.
#define ID_OF(type) bpf_core_enum_value(enum iotrace_struct_ids, ID_OF_##type)

// One volatile load: through a plain pointer the compiler would fold the constant it sees now, all zero.
static __always_inline struct iotrace_trait trait_of(u32 nr)
{
    union {
        u32 bits;
        struct iotrace_trait trait;
    } copy = {};

    if (nr < IOTRACE_SYSCALLS) {
        barrier_var(nr); // older verifiers do not see the bound in the register that is the index
        copy.bits = *(const volatile u32 *)&config.traits[nr % IOTRACE_SYSCALLS];
    }
    return copy.trait;
}

// Only the kind, for where the rest is seldom asked for: what the verifier learns of one part of a trait would else
// keep ways apart that differ in another.
static __always_inline u32 kind_of(u32 nr)
{
    if (nr >= IOTRACE_SYSCALLS)
        return IOTRACE_KIND_NONE;
    barrier_var(nr); // older verifiers do not see the bound in the register that is the index
    return *(const volatile u8 *)&config.traits[nr % IOTRACE_SYSCALLS].kind;
}

// The same task, as a pointer that promises nothing. The verifier searches the kernel's types by name, which takes it
// a millisecond, at each pointer that is loaded through one that it trusts.
static __always_inline struct task_struct *untrusted(struct task_struct *task)
{
    return config.has_rdonly_cast ? bpf_rdonly_cast(task, ID_OF(task_struct)) : task;
}

static __always_inline struct iotrace_thread_state *state_of(struct task_struct *task)
{
    // Most tasks of the machine have no storage at all: for them a load does instead of a helper's search.
    if (bpf_core_field_exists(task->bpf_storage) && !untrusted(task)->bpf_storage)
        return 0;
    return bpf_task_storage_get(&threads, task, 0, 0);
}

// Names a process for good, although pids are reused: its tgid (pid_max is at most 2^22) below the leader's start time
// in nanoseconds. The time wraps at 2^42 ns (73 minutes); for two processes to be mistaken for each other they would
// have to get the same pid that long apart to the nanosecond. Every thread computes the same value without any lookup.
static __always_inline u64 process_id_of(struct task_struct *task)
{
    return (BPF_CORE_READ(task, group_leader, start_boottime) << 22) | (u32)task->tgid;
}
