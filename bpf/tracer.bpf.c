// The tracer's image: every probe family in one object, so that they share maps and the kernel's BTF is read once.
#include "blockio.bpf.c"
#include "mappings.bpf.c"
#include "sampling.bpf.c"
#include "sched.bpf.c"
#include "signals.bpf.c"
#include "uring.bpf.c"
#include "zerocopy.bpf.c"

#include "syscalls.bpf.c"
#include "tasks.bpf.c"

char LICENSE[] SEC("license") = "GPL";
