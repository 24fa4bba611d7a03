// Where the target's CPU time goes: a look at the instruction pointer, some hundred times a second on each CPU. Copying
// is what is found inside the kernel's copy routines, whose addresses `find_symbols` asked for.
#include "ledger.bpf.h"

#define ADDRESS_TEXT_BYTES 64

// Run once by user space, which has filled in the names. The kernel's own look-up by name, where reading all of
// /proc/kallsyms would take some 50 ms. kernel/trace/bpf_trace.c: bpf_kallsyms_lookup_name()
static long find_symbol(u32 index, long *refused)
{
    struct iotrace_symbol *symbol = bpf_map_lookup_elem(&symbols, &index);
    u64 address = 0;
    long failed;

    if (!symbol || !symbol->name[0])
        return 1;
    failed = bpf_kallsyms_lookup_name((const char *)symbol->name, sizeof(symbol->name), 0, &address);
    if (failed == -EPERM) {
        *refused = failed;
        return 1;
    }
    if (failed || !address)
        return 0;
    symbol->address = address;
    bpf_snprintf((char *)symbol->text, sizeof(symbol->text), "%pS", &address, sizeof(address));
    return 0;
}

SEC("syscall")
int find_symbols(void *context)
{
    long refused = 0;

    bpf_loop(IOTRACE_SYMBOLS, find_symbol, &refused, 0);
    return refused;
}

struct bpf_perf_event_data {
    struct pt_regs regs;
};

struct symbol_search {
    u64 ip;
    u64 kind;
};

static long match_symbol(u32 index, struct symbol_search *search)
{
    struct iotrace_symbol *symbol = bpf_map_lookup_elem(&symbols, &index);

    if (!symbol || !symbol->name[0])
        return 1;
    if (!symbol->address || search->ip - symbol->address >= symbol->size)
        return 0;
    search->kind = symbol->kind;
    return 1;
}

SEC("perf_event")
int take_sample(struct bpf_perf_event_data *context)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct iotrace_thread_state *thread = state_of(task);
    struct iotrace_sample_key key = {.nr = IOTRACE_SAMPLE_NO_CALL};
    struct iotrace_samples *entry, empty = {};
    struct symbol_search search = {.ip = context->regs.ip};

    if (!thread || thread->header.flags & IOTRACE_THREAD_INACTIVE)
        return 0;
    key.process_id = thread->header.process_id;
    if ((s64)search.ip < 0) { // kernel addresses have the top bit set
        struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
        if (!(thread->header.flags & IOTRACE_THREAD_KERNEL))
            key.nr = BPF_CORE_READ(regs, orig_ax);
        bpf_loop(IOTRACE_SYMBOLS, match_symbol, &search, 0);
    }
    FIND_OR_MAKE(entry, samples, &key, &empty);
    if (!entry) {
        LOSE(ledger_map_full, 1);
        return 0;
    }
    __sync_fetch_and_add(&entry->samples, 1);
    if (search.kind == IOTRACE_SYMBOL_COPY)
        __sync_fetch_and_add(&entry->copying, 1);
    else if (search.kind == IOTRACE_SYMBOL_ZERO)
        __sync_fetch_and_add(&entry->zeroing, 1);
    return 0;
}
