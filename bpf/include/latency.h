// Latency histograms of system calls, filled while entries are timed.
#ifndef IOTRACE_LATENCY_H
#define IOTRACE_LATENCY_H

#include <linux/types.h>

// Log-linear buckets: four to an octave, from 2^6 ns up. Bucket 0 holds everything below, the last one everything above
// 2^40 ns (18 minutes). A value is known to within 25 %.
#define IOTRACE_LATENCY_FIRST_OCTAVE 6
#define IOTRACE_LATENCY_LAST_OCTAVE 40
#define IOTRACE_LATENCY_BUCKETS (4 * (IOTRACE_LATENCY_LAST_OCTAVE - IOTRACE_LATENCY_FIRST_OCTAVE) + 2)

struct iotrace_latency {
    __u64 off_cpu_ns; // the part blocked or in a run queue
    __u64 total_ns;   // entry to exit
    __u64 reserved;
    __u64 max_ns;
    __u64 buckets[IOTRACE_LATENCY_BUCKETS];
};
_Static_assert(sizeof(struct iotrace_latency) == 32 + 8 * IOTRACE_LATENCY_BUCKETS, "latency layout");

#endif
