// The tracer's image: every probe family in one object, so that they share maps and the kernel's BTF is read once.
#include "files.bpf.h"
#include "sched.bpf.c"
#include "syscalls.bpf.c"
#include "tasks.bpf.c"

char LICENSE[] SEC("license") = "GPL";
