// Where the target's CPU time goes: a look at the instruction pointer, some hundred times a second on each CPU. Copying
// is what is found inside the kernel's copy routines, whose addresses `find_symbols` asked for.
#include "ledger.bpf.h"

#define ADDRESS_TEXT_BYTES 64

// Run once by user space, which has filled in the names. The kernel's own look-up by name, where reading all of
// /proc/kallsyms would take some 50 ms. kernel/trace/bpf_trace.c: bpf_kallsyms_lookup_name()
SEC("syscall")
int find_symbols(void *context)
{
    for (u32 i = 0; i < IOTRACE_SYMBOLS; i++) {
        u32 index = i;
        struct iotrace_symbol *symbol = bpf_map_lookup_elem(&symbols, &index);
        u64 address = 0;
        long failed;
        if (!symbol)
            break;
        if (!symbol->name[0])
            break;
        failed = bpf_kallsyms_lookup_name((const char *)symbol->name, sizeof(symbol->name), 0, &address);
        if (failed == -EPERM)
            return failed;
        if (failed || !address)
            continue;
        symbol->address = address;
        bpf_snprintf((char *)symbol->text, sizeof(symbol->text), "%pS", &address, sizeof(address));
    }
    return 0;
}

struct bpf_perf_event_data {
    struct pt_regs regs;
};

SEC("perf_event")
int take_sample(struct bpf_perf_event_data *context)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct iotrace_thread_state *thread = state_of(task);
    struct iotrace_sample_key key = {.nr = IOTRACE_SAMPLE_NO_CALL};
    struct iotrace_samples *entry, empty = {};
    u64 ip = context->regs.ip;
    u32 kind = 0;

    if (!thread || thread->header.flags & IOTRACE_THREAD_INACTIVE)
        return 0;
    key.process_id = thread->header.process_id;
    if ((s64)ip < 0) { // kernel addresses have the top bit set
        struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
        if (!(thread->header.flags & IOTRACE_THREAD_KERNEL))
            key.nr = BPF_CORE_READ(regs, orig_ax);
        for (u32 i = 0; i < IOTRACE_SYMBOLS; i++) {
            u32 index = i;
            struct iotrace_symbol *symbol = bpf_map_lookup_elem(&symbols, &index);
            if (!symbol || !symbol->name[0])
                break;
            if (symbol->address && ip - symbol->address < symbol->size) {
                kind = symbol->kind;
                break;
            }
        }
    }
    FIND_OR_MAKE(entry, samples, &key, &empty);
    if (!entry) {
        LOSE(ledger_map_full, 1);
        return 0;
    }
    __sync_fetch_and_add(&entry->samples, 1);
    if (kind == IOTRACE_SYMBOL_COPY)
        __sync_fetch_and_add(&entry->copying, 1);
    else if (kind == IOTRACE_SYMBOL_ZERO)
        __sync_fetch_and_add(&entry->zeroing, 1);
    return 0;
}
