// Latency histograms: the bucket of a time, and the entry that it goes into.
#pragma once

#include "maps.bpf.h"

// `step` when anything is left of the number after a shift by that.
static __always_inline u32 halve(u64 number, u32 step)
{
    return any_bit(number >> step) * step;
}

static __always_inline u32 latency_bucket(u64 nanoseconds)
{
    u32 octave;

    if (nanoseconds < (1ull << IOTRACE_LATENCY_FIRST_OCTAVE))
        return 0;
    if (nanoseconds >= (1ull << IOTRACE_LATENCY_LAST_OCTAVE))
        return IOTRACE_LATENCY_BUCKETS - 1;
    octave = halve(nanoseconds, 32); // log2 by halves: the target has no count-leading-zeros instruction
    octave += halve(nanoseconds >> octave, 16);
    octave += halve(nanoseconds >> octave, 8);
    octave += halve(nanoseconds >> octave, 4);
    octave += halve(nanoseconds >> octave, 2);
    octave += halve(nanoseconds >> octave, 1);
    return 1 + 4 * (octave - IOTRACE_LATENCY_FIRST_OCTAVE) + ((nanoseconds >> (octave - 2)) & 3);
}

// One time goes into a histogram. `off_cpu` is the part of it that was not spent on a CPU, at most all of it.
static __always_inline void add_latency(struct iotrace_latency *latency, u64 total, u64 off_cpu)
{
    u32 bucket = latency_bucket(total);

    __sync_fetch_and_add(&latency->total_ns, total);
    if (off_cpu) // most calls do not sleep
        __sync_fetch_and_add(&latency->off_cpu_ns, off_cpu);
    if (total > latency->max_ns)
        latency->max_ns = total;
    if (bucket < IOTRACE_LATENCY_BUCKETS)
        __sync_fetch_and_add(&latency->buckets[bucket], 1);
}
