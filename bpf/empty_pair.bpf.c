// The anchor of the overhead benchmark: the least that a complete tracer can attach. It does nothing.
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

SEC("tp_btf/sys_enter")
int empty_enter(void *context)
{
    return 0;
}

SEC("tp_btf/sys_exit")
int empty_exit(void *context)
{
    return 0;
}

char LICENSE[] SEC("license") = "GPL";
