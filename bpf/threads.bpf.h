// A thread's state: how it begins, how calls and sleeps are charged to it, how it ends.
#pragma once

#include "files.bpf.h"

static __always_inline u64 elapsed(u64 from, u64 to)
{
    return to > from ? to - from : 0; // timestamps of two CPUs can be out of order by a little
}

// The kernel's own accounting of a task's I/O with devices; absent without CONFIG_TASK_IO_ACCOUNTING.
// include/linux/task_io_accounting.h
static __always_inline u64 device_bytes_read(struct task_struct *task)
{
    return bpf_core_field_exists(task->ioac.read_bytes) ? task->ioac.read_bytes : 0;
}

static __always_inline u64 bytes_dirtied(struct task_struct *task)
{
    return bpf_core_field_exists(task->ioac.write_bytes) ? task->ioac.write_bytes : 0;
}

// Fills the header of a thread whose window starts now. The rest of the scratch state is zero and stays so.
static __always_inline struct iotrace_thread_state *compose_thread(struct scratch *scratch, struct task_struct *task,
                                                                   u64 now, u32 flags)
{
    struct iotrace_thread_header *header = &scratch->thread.header;

    __builtin_memset(header, 0, sizeof(*header));
    header->process_id = process_id_of(task);
    header->tid = task->pid;
    header->tgid = task->tgid;
    header->flags = flags;
    if (task->flags & PF_IO_WORKER)
        header->flags |= IOTRACE_THREAD_KERNEL;
    header->window_start_ns = now;
    header->state_since_ns = now;
    header->sched_state = IOTRACE_SCHED_RUNNING;
    header->on_cpu_base_ns = task->se.sum_exec_runtime;
    header->on_cpu_at_switch_ns = header->on_cpu_base_ns;
    header->voluntary_base = task->nvcsw;
    header->involuntary_base = task->nivcsw;
    header->dma_in_base = device_bytes_read(task);
    header->dirtied_base = bytes_dirtied(task);
    return &scratch->thread;
}

static __always_inline u64 cgroup_of(struct task_struct *task)
{
    return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

#define CGROUP_DEPTH 32

// Whether the task is in the target cgroup or below it.
static __always_inline bool in_target_cgroup(struct task_struct *task)
{
    struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);

    for (int i = 0; i < CGROUP_DEPTH && cgroup; i++) {
        struct cgroup_subsys_state *parent;
        if (BPF_CORE_READ(cgroup, kn, id) == config.cgroup_id)
            return true;
        parent = BPF_CORE_READ(cgroup, self.parent);
        cgroup = parent ? BPF_CORE_READ(parent, cgroup) : 0;
    }
    return false;
}

static __always_inline bool has_target_comm(struct task_struct *task)
{
    char comm[IOTRACE_COMM_BYTES];

    BPF_CORE_READ_STR_INTO(&comm, task, group_leader, comm);
    for (int i = 0; i < IOTRACE_COMM_BYTES; i++) {
        if (comm[i] != config.comm[i])
            return false;
        if (!comm[i])
            break;
    }
    return true;
}

// Makes the record of a process unless it has one. `command` tells where its arguments come from.
static __always_inline void ensure_process(struct scratch *scratch, struct task_struct *task, u64 process_id, u32 flags,
                                           struct iotrace_process_record *parent)
{
    struct iotrace_process_record *record = &scratch->process;
    long failed;

    if (bpf_map_lookup_elem(&processes, &process_id))
        return;
    __builtin_memset(&record->totals, 0, sizeof(record->totals));
    record->process_id = process_id;
    record->pid = task->tgid;
    record->ppid = BPF_CORE_READ(task, group_leader, real_parent, tgid);
    record->flags = flags;
    record->threads_ended = 0;
    record->cgroup_id = cgroup_of(task);
    record->started_ns = bpf_ktime_get_ns();
    record->exited_ns = 0;
    record->exit_code = 0;
    record->command_length = 0;
    BPF_CORE_READ_STR_INTO(&record->comm, task, group_leader, comm);
    if (parent) {
        record->flags |= parent->flags & (IOTRACE_PROCESS_COMMAND_TRUNCATED | IOTRACE_PROCESS_COMMAND_UNKNOWN);
        record->command_length = parent->command_length;
        bpf_probe_read_kernel(record->command, IOTRACE_COMMAND_BYTES, parent->command);
    }
    failed = bpf_map_update_elem(&processes, &process_id, record, BPF_NOEXIST);
    if (failed && failed != -17 /* EEXIST: another thread of it was faster */)
        LOSE(process_map_full, 1);
}

// Reads the arguments of a process that has just called exec: its stack holds them in one piece. fs/proc/base.c:
// get_mm_cmdline()
static __always_inline void read_command(struct iotrace_process_record *record, struct task_struct *task)
{
    struct mm_struct *mm = untrusted(task)->mm;
    u64 start, length;

    if (!mm)
        return;
    start = mm->arg_start;
    length = mm->arg_end - start;
    record->flags &= ~(IOTRACE_PROCESS_COMMAND_TRUNCATED | IOTRACE_PROCESS_COMMAND_UNKNOWN);
    if (length > IOTRACE_COMMAND_BYTES) {
        length = IOTRACE_COMMAND_BYTES;
        record->flags |= IOTRACE_PROCESS_COMMAND_TRUNCATED;
    }
    if (bpf_probe_read_user(record->command, length, (void *)start)) {
        record->command_length = 0;
        record->flags |= IOTRACE_PROCESS_COMMAND_UNKNOWN;
    } else {
        record->command_length = length;
    }
}

// A counter outside the thread's own slots; 0 when the map is full. See iotrace_call_key for who may write it.
static __noinline struct iotrace_call_counter *mapped_counter(u64 process_id, u32 nr, u32 tid)
{
    struct iotrace_call_key key = {.process_id = process_id, .nr = nr, .tid = tid};
    struct iotrace_call_counter *counter = bpf_map_lookup_elem(&process_calls, &key);
    struct iotrace_call_counter empty = {.nr = nr};

    if (counter)
        return counter;
    bpf_map_update_elem(&process_calls, &key, &empty, BPF_NOEXIST);
    counter = bpf_map_lookup_elem(&process_calls, &key);
    if (!counter)
        LOSE(call_map_full, 1);
    return counter;
}

// Where a mapping begins and ends; for bpf_find_vma().
struct address_range {
    u64 start, end;
};

static long note_range(struct task_struct *task, struct vm_area_struct *vma, struct address_range *range)
{
    range->start = BPF_CORE_READ(vma, vm_start);
    range->end = BPF_CORE_READ(vma, vm_end);
    return 0;
}

#define NR_READ 0
#define NR_WRITE 1
#define NR_PREAD64 17
#define NR_PWRITE64 18
#define NR_FSYNC 74
#define NR_FDATASYNC 75
#define SIGNALS_BLOCKED_BY_SIGFILLSET 0xfffffffe7ffbfefful // all but SIGKILL, SIGSTOP and the C library's own
#define SMALL_STACK 131072

// The first call of its kind in a thread. The C library makes its threads for POSIX AIO with all signals blocked and
// the smallest stack that will do; others seldom have both. glibc: sysdeps/nptl/aio_misc.h
__noinline int note_first_call(struct iotrace_thread_state *thread, u32 nr)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct address_range stack = {};
    struct pt_regs *regs;
    u64 blocked;

    if (!thread || (nr != NR_PREAD64 && nr != NR_PWRITE64 && nr != NR_FSYNC && nr != NR_FDATASYNC))
        return 0;
    blocked = BPF_CORE_READ(task, blocked.sig[0]);
    if ((blocked & SIGNALS_BLOCKED_BY_SIGFILLSET) != SIGNALS_BLOCKED_BY_SIGFILLSET)
        return 0;
    regs = (struct pt_regs *)bpf_task_pt_regs(task);
    bpf_find_vma(task, BPF_CORE_READ(regs, sp), note_range, &stack, 0);
    if (stack.end - stack.start < SMALL_STACK && stack.end)
        thread->header.flags |= IOTRACE_THREAD_AIO_HELPER;
    return 0;
}

static __always_inline struct iotrace_call_counter *call_counter(struct iotrace_thread_state *thread, u32 nr)
{
    u32 slot, index;

    if (nr >= IOTRACE_SYSCALLS)
        return mapped_counter(thread->header.process_id, nr, thread->header.tid);
    barrier_var(nr); // see kind_of()
    index = nr % IOTRACE_SYSCALLS;
    slot = thread->slot_of[index];
    if (!slot) {
        if (thread->header.calls_used >= IOTRACE_CALL_SLOTS)
            return mapped_counter(thread->header.process_id, nr, thread->header.tid);
        slot = ++thread->header.calls_used;
        thread->slot_of[index] = slot;
        slot -= 1;
        if (slot >= IOTRACE_CALL_SLOTS)
            return 0;
        thread->calls[slot].nr = nr;
        note_first_call(thread, nr);
        return &thread->calls[slot];
    }
    slot -= 1;
    if (slot >= IOTRACE_CALL_SLOTS)
        return 0;
    return &thread->calls[slot];
}

// A sleep that ended outside a call still in progress: charged at once.
static __always_inline void charge_outside_call(struct iotrace_thread_state *thread, u64 slept)
{
    struct iotrace_thread_header *header = &thread->header;
    u32 cause = IOTRACE_CAUSE_OTHER;

    if (header->wait_place == IOTRACE_WAIT_FAULT) {
        cause = IOTRACE_CAUSE_PAGE_FAULT;
    } else if (header->wait_place == IOTRACE_WAIT_WORKER) {
        cause = IOTRACE_CAUSE_ASYNC_WAIT;
    } else if (header->wait_place == IOTRACE_WAIT_TAIL) {
        if (header->wait_disk)
            cause = IOTRACE_CAUSE_DISK;
    }
    header->totals.causes[cause] += slept;
}

static __always_inline void end_sleep(struct iotrace_thread_state *thread, u64 now)
{
    struct iotrace_thread_header *header = &thread->header;
    u64 slept = elapsed(header->state_since_ns, now);

    header->totals.blocked_ns += slept;
    if (header->wait_place == IOTRACE_WAIT_IN_CALL) {
        header->pending_blocked_ns += slept;
        if (header->wait_disk)
            header->pending_disk_ns += slept;
        header->pending_sleeps++;
    } else {
        charge_outside_call(thread, slept);
    }
}

static __always_inline void end_runnable(struct iotrace_thread_state *thread, u64 now)
{
    struct iotrace_thread_header *header = &thread->header;
    u64 waited = elapsed(header->state_since_ns, now);

    header->totals.runqueue_ns += waited;
    header->last_runqueue_ns = waited;
    if (header->wait_place == IOTRACE_WAIT_IN_CALL)
        header->pending_runqueue_ns += waited;
}

// Where a task is when it leaves the CPU. `orig_ax` is the call's number in a system call and -1 in a fault or an
// interrupt; `ax` is -ENOSYS from entry until the result is there. arch/x86/entry/entry_64.S
static __always_inline void note_place(struct iotrace_thread_header *header, struct task_struct *task, u32 prev_state)
{
    struct pt_regs *regs;
    s64 nr;

    header->wait_disk = (prev_state & TASK_UNINTERRUPTIBLE) && BPF_CORE_READ_BITFIELD(task, in_iowait);
    if (header->flags & IOTRACE_THREAD_KERNEL) {
        header->wait_place = IOTRACE_WAIT_WORKER;
        header->wait_nr = -1;
        return;
    }
    regs = (struct pt_regs *)bpf_task_pt_regs(task);
    nr = regs->orig_ax;
    header->wait_nr = nr;
    if (prev_state & TASK_STOPPED_OR_TRACED)
        header->wait_place = IOTRACE_WAIT_STOPPED;
    else if ((s32)nr < 0)
        header->wait_place = IOTRACE_WAIT_FAULT;
    else if ((s64)regs->ax == -ENOSYS)
        header->wait_place = IOTRACE_WAIT_IN_CALL;
    else
        header->wait_place = IOTRACE_WAIT_TAIL;
}

// Time on a CPU since the window began. While the thread runs, the scheduler's own counter lags by up to a tick.
static __always_inline u64 on_cpu_of(struct iotrace_thread_header *header, struct task_struct *task, u64 now)
{
    if (header->sched_state == IOTRACE_SCHED_RUNNING)
        return header->on_cpu_at_switch_ns - header->on_cpu_base_ns + elapsed(header->state_since_ns, now);
    return task->se.sum_exec_runtime - header->on_cpu_base_ns;
}

// A thread of io_uring that polls a submission queue, by the name that the kernel gives it. io_uring/sqpoll.c:
// io_sq_thread()
static __always_inline bool polls_submissions(struct task_struct *task)
{
    char name[8] = {};

    bpf_core_read(&name, sizeof(name), &task->comm);
    return name[0] == 'i' && name[4] == 's' && name[5] == 'q' && name[6] == 'p';
}

static __always_inline void fill_totals(struct iotrace_totals *totals, struct iotrace_thread_header *header,
                                        struct task_struct *task, u64 now)
{
    totals->observed_ns = elapsed(header->window_start_ns, now);
    totals->on_cpu_ns = on_cpu_of(header, task, now);
    totals->voluntary = task->nvcsw - header->voluntary_base;
    totals->involuntary = task->nivcsw - header->involuntary_base;
    if (header->flags & IOTRACE_THREAD_KERNEL) {
        if (polls_submissions(task))
            totals->sqpoll_on_cpu_ns = totals->on_cpu_ns;
        else
            totals->worker_on_cpu_ns = totals->on_cpu_ns;
    }
}

static __always_inline void fill_devices(struct iotrace_ledger *ledger, struct iotrace_thread_header *header,
                                         struct task_struct *task)
{
    ledger->dma_in = device_bytes_read(task) - header->dma_in_base;
    ledger->dirtied = bytes_dirtied(task) - header->dirtied_base;
}
