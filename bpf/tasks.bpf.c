// Lives of threads and processes: born, exec, renamed cgroup, ended; and the iterators that seed and sample them.
#include "threads.bpf.h"

SEC("tp_btf/task_newtask")
int BPF_PROG(begin_thread, struct task_struct *task, unsigned long clone_flags)
{
    struct iotrace_thread_state *parent = state_of(bpf_get_current_task_btf()), *child;
    struct iotrace_process_record *parent_process = 0;
    struct scratch *scratch;
    u64 now = bpf_ktime_get_ns();
    u64 process_id;

    if (task->flags & PF_KTHREAD || window_closed)
        return 0;
    if (parent && parent->header.flags & IOTRACE_THREAD_AWAIT_EXEC)
        return 0;
    if (config.target == IOTRACE_TARGET_CGROUP) {
        if (!in_target_cgroup(task))
            return 0;
    } else if (config.target != IOTRACE_TARGET_ALL) {
        if (!parent || !(config.follow || clone_flags & CLONE_THREAD))
            return 0;
    } else if (task->tgid == config.tracer) {
        return 0;
    }
    scratch = scratch_of(SCRATCH_TRACEPOINT);
    if (!scratch)
        return 0;
    child = compose_thread(scratch, task, now, IOTRACE_THREAD_NEWBORN);
    child->header.sched_state = IOTRACE_SCHED_RUNNABLE;
    child->header.wait_place = IOTRACE_WAIT_TAIL;
    child->header.on_cpu_base_ns = 0;
    child->header.on_cpu_at_switch_ns = 0;
    child->header.voluntary_base = 0;
    child->header.involuntary_base = 0;
    child->header.dma_in_base = 0;
    child->header.dirtied_base = 0;
    process_id = child->header.process_id;
    if (parent && parent->header.flags & IOTRACE_THREAD_STARTUP)
        parent->header.flags &= ~IOTRACE_THREAD_STARTUP;
    if (!bpf_task_storage_get(&threads, task, child, BPF_LOCAL_STORAGE_GET_F_CREATE)) {
        LOSE(thread_storage_failed, 1);
        return 0;
    }
    if (parent)
        parent_process = bpf_map_lookup_elem(&processes, &parent->header.process_id);
    ensure_process(scratch, task, process_id, IOTRACE_PROCESS_STARTED, parent_process);
    return 0;
}

// After an exec the program has a new name, new arguments and a loader at work. A process that waited for it starts
// here.
SEC("tp_btf/sched_process_exec")
int BPF_PROG(note_exec, struct task_struct *task, int old_pid, struct linux_binprm *binary)
{
    struct iotrace_thread_state *thread = state_of(task);
    struct iotrace_process_record *process;
    struct scratch *scratch = scratch_of(SCRATCH_TRACEPOINT);
    u64 now = bpf_ktime_get_ns();
    u64 process_id;

    if (!scratch || window_closed)
        return 0;
    if (!thread) {
        if (config.target != IOTRACE_TARGET_COMM || !has_target_comm(task))
            return 0;
        thread =
            bpf_task_storage_get(&threads, task, compose_thread(scratch, task, now, 0), BPF_LOCAL_STORAGE_GET_F_CREATE);
        if (!thread) {
            LOSE(thread_storage_failed, 1);
            return 0;
        }
    } else if (thread->header.flags & IOTRACE_THREAD_AWAIT_EXEC) {
        compose_thread(scratch, task, now, 0);
        thread->header = scratch->thread.header;
    }
    thread->header.tid = task->pid; // a thread that is not the leader takes the leader's id over
    thread->header.flags |= IOTRACE_THREAD_STARTUP;
    thread->header.loader_start = 0;
    process_id = thread->header.process_id;
    ensure_process(scratch, task, process_id, IOTRACE_PROCESS_STARTED, 0);
    process = bpf_map_lookup_elem(&processes, &process_id);
    if (process) {
        bpf_probe_read_kernel_str(process->comm, sizeof(process->comm), task->comm);
        read_command(process, task);
    }
    return 0;
}

// Adds counters to the same counters elsewhere. Both structs hold nothing but u64.
#define ADD_COUNTERS(to, from)                                                                                         \
    do {                                                                                                               \
        u64 *sum_ = (u64 *)(to), *part_ = (u64 *)(from);                                                               \
        for (int i_ = 0; i_ < sizeof(*(to)) / sizeof(u64); i_++)                                                       \
            __sync_fetch_and_add(&sum_[i_], part_[i_]);                                                                \
    } while (0)

struct copies_walk {
    struct iotrace_thread_state *thread;
    struct iotrace_thread_copies *copies;
};

static long add_copies(u32 index, struct copies_walk *walk)
{
    struct iotrace_thread_copies *copies = walk->copies;
    struct iotrace_call_counter *call;

    if (index >= IOTRACE_CALL_SLOTS)
        return 1;
    call = &walk->thread->calls[index];
    switch (trait_of(call->nr).kind) {
    case IOTRACE_KIND_READ:
    case IOTRACE_KIND_RECVMMSG:
        copies->bytes_in += call->bytes;
        break;
    case IOTRACE_KIND_WRITE:
    case IOTRACE_KIND_SENDMMSG:
        copies->bytes_out += call->bytes;
        break;
    case IOTRACE_KIND_VM_READ:
        copies->from_processes += call->bytes;
        break;
    case IOTRACE_KIND_VM_WRITE:
        copies->to_processes += call->bytes;
        break;
    }
    return 0;
}

// What an ended thread moved stays as a row of its own, as long as there is room.
__noinline int keep_copies(struct iotrace_thread_state *thread)
{
    struct iotrace_thread_copies *copies;
    struct iotrace_thread_key key = {};
    struct scratch *scratch = scratch_of(SCRATCH_TRACEPOINT);
    struct copies_walk walk = {};

    if (!thread || !scratch)
        return 0;
    copies = &scratch->copies;
    walk.thread = thread;
    walk.copies = copies;
    copies->bytes_in = 0;
    copies->bytes_out = 0;
    copies->from_processes = 0;
    copies->to_processes = 0;
    copies->ledger = thread->header.ledger;
    bpf_loop(thread->header.calls_used, add_copies, &walk, 0);
    if (!(copies->bytes_in | copies->bytes_out | copies->from_processes | copies->to_processes |
          copies->ledger.other_in | copies->ledger.other_out))
        return 0;
    key.process_id = thread->header.process_id;
    key.started_ns = thread->header.window_start_ns;
    key.tid = thread->header.tid;
    if (bpf_map_update_elem(&ended_threads, &key, copies, BPF_NOEXIST))
        LOSE(ledger_map_full, 1);
    return 0;
}

// What the C library's threads for POSIX AIO do for the program. glibc: rt/aio_misc.c, handle_fildes_io()
static __always_inline bool is_aio_operation(u32 nr)
{
    return nr == NR_READ || nr == NR_WRITE || nr == NR_PREAD64 || nr == NR_PWRITE64 || nr == NR_FSYNC ||
           nr == NR_FDATASYNC;
}

struct thread_walk {
    struct iotrace_thread_state *thread;
};

static long fold_call(u32 index, struct thread_walk *walk)
{
    struct iotrace_thread_header *header = &walk->thread->header;
    struct iotrace_call_counter *mine, *sum;

    if (index >= IOTRACE_CALL_SLOTS)
        return 1;
    mine = &walk->thread->calls[index];
    if (header->flags & IOTRACE_THREAD_AIO_HELPER && is_aio_operation(mine->nr))
        header->totals.posix_aio_operations += mine->count - mine->errors;
    sum = mapped_counter(header->process_id, mine->nr, 0);
    if (!sum)
        return 0;
    __sync_fetch_and_add(&sum->sleeps, mine->sleeps);
    __sync_fetch_and_add(&sum->count, mine->count);
    __sync_fetch_and_add(&sum->errors, mine->errors);
    __sync_fetch_and_add(&sum->bytes, mine->bytes);
    __sync_fetch_and_add(&sum->blocked_ns, mine->blocked_ns);
    __sync_fetch_and_add(&sum->runqueue_ns, mine->runqueue_ns);
    return 0;
}

static long fold_slot(u32 index, struct thread_walk *walk)
{
    fold_fd(&walk->thread->fds[index % IOTRACE_FD_SLOTS]);
    return 0;
}

// The storage goes with the task, so the counters of a thread whose window ends move to its process.
static __always_inline struct iotrace_process_record *finish_thread(struct iotrace_thread_state *thread,
                                                                    struct task_struct *task, u64 now)
{
    struct iotrace_thread_header *header = &thread->header;
    struct iotrace_process_record *process;
    struct thread_walk walk = {.thread = thread};

    if (!(header->flags & IOTRACE_THREAD_CLOSED)) {
        header->totals.causes[IOTRACE_CAUSE_OTHER] += header->pending_blocked_ns;
        fill_totals(&header->totals, header, task, now);
        fill_devices(&header->ledger, header, task);
    }
    header->flags |= IOTRACE_THREAD_EXITED;
    if (config.ledger)
        keep_copies(thread);
    bpf_loop(header->calls_used, fold_call, &walk, 0);
    bpf_loop(IOTRACE_FD_SLOTS, fold_slot, &walk, 0);
    process = bpf_map_lookup_elem(&processes, &header->process_id);
    if (!process)
        return 0;
    ADD_COUNTERS(&process->totals, &header->totals);
    ADD_COUNTERS(&process->ledger, &header->ledger);
    __sync_fetch_and_add(&process->threads_ended, 1);
    return process;
}

// A task moved into the target cgroup becomes a target, one that left it is one no longer. Calls it is in are cut.
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(move_thread, struct cgroup *cgroup, const char *path, struct task_struct *task, bool threadgroup)
{
    struct iotrace_thread_state *thread;
    struct scratch *scratch;

    if (config.target != IOTRACE_TARGET_CGROUP || task->flags & PF_KTHREAD || window_closed)
        return 0;
    thread = state_of(task);
    if (thread) {
        if (!in_target_cgroup(task)) {
            finish_thread(thread, task, bpf_ktime_get_ns());
            bpf_task_storage_delete(&threads, task);
        }
        return 0;
    }
    scratch = scratch_of(SCRATCH_TRACEPOINT);
    if (!scratch || !in_target_cgroup(task))
        return 0;
    thread = compose_thread(scratch, task, bpf_ktime_get_ns(), 0);
    if (task->on_cpu == 0) {
        thread->header.sched_state = task->on_rq ? IOTRACE_SCHED_RUNNABLE : IOTRACE_SCHED_BLOCKED;
        note_place(&thread->header, task, task->__state);
    }
    if (!bpf_task_storage_get(&threads, task, thread, BPF_LOCAL_STORAGE_GET_F_CREATE)) {
        LOSE(thread_storage_failed, 1);
        return 0;
    }
    ensure_process(scratch, task, scratch->thread.header.process_id, IOTRACE_PROCESS_COMMAND_UNKNOWN, 0);
    return 0;
}

#define NR_EXIT 60
#define NR_EXIT_GROUP 231

// kernel/exit.c: do_exit()
SEC("tp_btf/sched_process_exit")
int BPF_PROG(end_thread, struct task_struct *task)
{
    struct iotrace_thread_state *thread = state_of(task);
    struct iotrace_process_record *process;
    struct iotrace_call_counter *call;
    struct pt_regs *regs;
    u64 now = bpf_ktime_get_ns();
    u32 nr;

    if (!thread || thread->header.flags & (IOTRACE_THREAD_AWAIT_EXEC | IOTRACE_THREAD_EXITED))
        return 0;
    regs = (struct pt_regs *)bpf_task_pt_regs(task);
    nr = BPF_CORE_READ(regs, orig_ax);
    // These two never return, so no exit of theirs is seen. A thread that another one ended is not in them.
    if (!(thread->header.flags & IOTRACE_THREAD_CLOSED) && (nr == NR_EXIT || nr == NR_EXIT_GROUP) &&
        (s64)BPF_CORE_READ(regs, ax) == -ENOSYS && !(thread->header.flags & IOTRACE_THREAD_KERNEL)) {
        call = call_counter(thread, nr);
        if (call)
            call->count++;
    }
    process = finish_thread(thread, task, now);
    if (process && BPF_CORE_READ(task, signal, live.counter) == 0) {
        u32 group_exit = BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT;
        process->exit_code = group_exit ? BPF_CORE_READ(task, signal, group_exit_code) : task->exit_code;
        process->exited_ns = now;
        process->flags |= IOTRACE_PROCESS_EXITED;
        BPF_CORE_READ_STR_INTO(&process->comm, task, group_leader, comm);
    }
    return 0;
}

static __always_inline bool is_target(struct task_struct *task, u32 *how)
{
    u32 tgid = task->tgid;
    u32 *wanted;

    *how = IOTRACE_PID_RUNNING;
    switch (config.target) {
    case IOTRACE_TARGET_PIDS:
        wanted = bpf_map_lookup_elem(&target_pids, &tgid);
        if (wanted)
            *how = *wanted;
        return wanted != 0;
    case IOTRACE_TARGET_COMM:
        return has_target_comm(task);
    case IOTRACE_TARGET_CGROUP:
        return in_target_cgroup(task);
    default:
        return tgid != config.tracer;
    }
}

// Gives every thread that is a target already its state, with the sleep it may be in. Run twice: a thread that was born
// to an untraced parent while the first walk passed is caught by the second.
SEC("iter/task")
int seed_threads(struct bpf_iter__task *context)
{
    struct iotrace_seeded_thread line = {};
    struct task_struct *task = context->task;
    struct iotrace_thread_state *thread;
    struct scratch *scratch = scratch_of(SCRATCH_ITERATOR);
    u32 how;

    if (!task || !scratch || task->flags & PF_KTHREAD || state_of(task) || !is_target(task, &how))
        return 0;
    if (task->flags & PF_EXITING)
        return 0;
    thread = compose_thread(scratch, task, bpf_ktime_get_ns(),
                            how == IOTRACE_PID_AWAIT_EXEC ? IOTRACE_THREAD_AWAIT_EXEC : 0);
    if (!task->on_cpu) {
        thread->header.sched_state = task->on_rq ? IOTRACE_SCHED_RUNNABLE : IOTRACE_SCHED_BLOCKED;
        note_place(&thread->header, task, task->__state);
    }
    line.tid = task->pid;
    line.tgid = task->tgid;
    line.in_call_nr =
        thread->header.sched_state != IOTRACE_SCHED_RUNNING && thread->header.wait_place == IOTRACE_WAIT_IN_CALL
            ? thread->header.wait_nr
            : -1;
    // Where the line does not fit, the kernel comes again for the same task with an empty buffer.
    if (how == IOTRACE_PID_RUNNING && bpf_seq_write(context->meta->seq, &line, sizeof(line)))
        return 0;
    if (!bpf_task_storage_get(&threads, task, thread, BPF_LOCAL_STORAGE_GET_F_CREATE)) {
        LOSE(thread_storage_failed, 1);
        return 0;
    }
    if (how == IOTRACE_PID_RUNNING)
        ensure_process(scratch, task, scratch->thread.header.process_id, IOTRACE_PROCESS_COMMAND_UNKNOWN, 0);
    return 0;
}

// Which fd a call sleeps on, by its first argument.
static __always_inline u64 open_file(struct task_struct *task, u64 process_id, s32 fd, u8 *type)
{
    struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
    struct iotrace_file_record *record;
    u64 file = 0, file_id;

    if (!fdt || (u32)fd >= BPF_CORE_READ(fdt, max_fds))
        return 0;
    bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(fdt, fd) + (u32)fd);
    if (!file)
        return 0;
    file_id = file_id_of(process_id, fd, file, SCRATCH_ITERATOR);
    record = bpf_map_lookup_elem(&files, &file_id);
    if (!record)
        return 0;
    *type = record->type;
    return file_id;
}

// Ends the window of every thread at the same moment as far as a walk can: from here on its counters and times stand
// still, so that whatever is read afterwards belongs together.
SEC("iter/task")
int close_threads(struct bpf_iter__task *context)
{
    struct task_struct *task = context->task;
    struct iotrace_thread_state *thread;

    window_closed = 1;
    if (!task)
        return 0;
    thread = state_of(task);
    if (!thread || thread->header.flags & IOTRACE_THREAD_INACTIVE)
        return 0;
    thread->header.closed_ns = bpf_ktime_get_ns();
    fill_totals(&thread->header.totals, &thread->header, task, thread->header.closed_ns);
    fill_devices(&thread->header.ledger, &thread->header, task);
    thread->header.flags |= IOTRACE_THREAD_CLOSED;
    return 0;
}

static __always_inline bool first_is_fd(u32 kind)
{
    switch (kind) {
    case IOTRACE_KIND_NONE:
    case IOTRACE_KIND_VM_READ:
    case IOTRACE_KIND_VM_WRITE:
    case IOTRACE_KIND_WAIT:
    case IOTRACE_KIND_GETEVENTS:
    case IOTRACE_KIND_MMAP:
    case IOTRACE_KIND_EPOLL_CTL:
        return false;
    default:
        return kind < IOTRACE_KIND_OPEN;
    }
}

struct sample_walk {
    struct seq_file *seq;
    struct iotrace_thread_state *thread;
    u64 fds;    // still to be written
    u64 failed; // something did not fit
};

// One by one, since older verifiers lose the bound of a variable length.
static long write_call(u32 index, struct sample_walk *walk)
{
    if (index >= IOTRACE_CALL_SLOTS)
        return 1;
    walk->failed |= bpf_seq_write(walk->seq, &walk->thread->calls[index], sizeof(walk->thread->calls[index]));
    return 0;
}

static long count_used_slot(u32 index, struct sample_walk *walk)
{
    walk->fds += any_bit(walk->thread->fds[index % IOTRACE_FD_SLOTS].file_id);
    return 0;
}

static long write_fd(u32 index, struct sample_walk *walk)
{
    struct iotrace_fd_counter *fd = &walk->thread->fds[index % IOTRACE_FD_SLOTS];

    if (!walk->fds)
        return 1;
    if (!fd->file_id)
        return 0;
    walk->failed |= bpf_seq_write(walk->seq, fd, sizeof(*fd));
    walk->fds--;
    return 0;
}

// Whether user space has a sample of the sleep that the thread is in: then its counters are what they were. A thread
// whose window is over has other times than the last reading said.
static __always_inline bool sleeps_on(struct iotrace_thread_header *header)
{
    return header->sched_state == IOTRACE_SCHED_BLOCKED && header->sampled_since_ns == header->state_since_ns &&
           !(header->flags & IOTRACE_THREAD_CLOSED);
}

// Writes one sample for each traced thread, its counters and what is in progress, or a line when it sleeps on. Notes
// what user space has when all of it is written, since the kernel runs it again for a thread whose output did not fit.
SEC("iter/task")
int sample_threads(struct bpf_iter__task *context)
{
    struct seq_file *seq = context->meta->seq;
    struct task_struct *task = context->task;
    struct iotrace_thread_state *thread;
    struct iotrace_thread_sample *sample;
    struct iotrace_thread_header *header;
    struct scratch *scratch = scratch_of(SCRATCH_ITERATOR);
    struct sample_walk walk = {};
    u64 now, open = 0, open_run = 0;
    u32 used;

    if (!task || !scratch)
        return 0;
    thread = state_of(task);
    if (!thread || thread->header.flags & (IOTRACE_THREAD_AWAIT_EXEC | IOTRACE_THREAD_EXITED))
        return 0;
    sample = &scratch->sample;
    sample->line.tid = thread->header.tid;
    if (sleeps_on(&thread->header)) {
        sample->line.now_ns = bpf_ktime_get_ns();
        sample->line.flags = IOTRACE_LINE_UNCHANGED;
        bpf_seq_write(seq, &sample->line, sizeof(sample->line));
        return 0;
    }
    // In this order, as a thread's state changes after what is counted up to then: what the copy has is never older.
    bpf_probe_read_kernel(&sample->header, sizeof(sample->header), &thread->header);
    header = &sample->header;
    now = header->flags & IOTRACE_THREAD_CLOSED ? header->closed_ns : bpf_ktime_get_ns();
    sample->line.now_ns = now;
    sample->line.flags = 0;
    sample->open_file_id = 0;
    sample->open_nr = -1;
    sample->open_cause = IOTRACE_CAUSE_OTHER;
    if (!(header->flags & IOTRACE_THREAD_CLOSED)) {
        fill_totals(&header->totals, header, task, now);
        fill_devices(&header->ledger, header, task);
    }
    if (header->sched_state == IOTRACE_SCHED_BLOCKED) {
        open = elapsed(header->state_since_ns, now);
        header->totals.blocked_ns += open;
    } else if (header->sched_state == IOTRACE_SCHED_RUNNABLE) {
        open_run = elapsed(header->state_since_ns, now);
        header->totals.runqueue_ns += open_run;
    }
    if (header->wait_place == IOTRACE_WAIT_IN_CALL) {
        u64 disk = header->pending_disk_ns + (header->wait_disk ? open : 0);
        u64 blocked = header->pending_blocked_ns + open;
        u32 nr = header->wait_nr;
        u8 type = IOTRACE_FILE_UNKNOWN;
        if (blocked | header->pending_runqueue_ns | open_run) {
            u32 cause = IOTRACE_CAUSE_OTHER;
            sample->open_nr = nr;
            if (nr < IOTRACE_SYSCALLS) {
                struct iotrace_trait trait = trait_of(nr);
                cause = trait.cause;
                if (first_is_fd(trait.kind)) {
                    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
                    sample->open_file_id = open_file(task, header->process_id, BPF_CORE_READ(regs, di), &type);
                }
            }
            cause = resolve_cause(cause, type);
            if (nr < IOTRACE_SYSCALLS && trait_of(nr).kind == IOTRACE_KIND_WAIT &&
                only_sleeps((struct pt_regs *)bpf_task_pt_regs(task), nr)) {
                cause = IOTRACE_CAUSE_SLEEP;
                header->totals.sleep_wait_ns += blocked + header->pending_runqueue_ns + open_run;
                sample->line.flags |= IOTRACE_LINE_SLEEP_WAIT;
            }
            sample->open_cause = cause;
            header->totals.causes[IOTRACE_CAUSE_DISK] += disk;
            if (cause < IOTRACE_CAUSES)
                header->totals.causes[cause] += blocked - disk;
            if (header->wait_disk)
                sample->open_cause = IOTRACE_CAUSE_DISK;
            if (open)
                sample->line.flags |= IOTRACE_LINE_ASLEEP;
        }
        sample->open_blocked_ns = blocked;
        sample->open_runqueue_ns = header->pending_runqueue_ns + open_run;
    } else {
        sample->open_blocked_ns = 0;
        sample->open_runqueue_ns = 0;
        if (open) {
            u32 cause = header->wait_place == IOTRACE_WAIT_FAULT    ? IOTRACE_CAUSE_PAGE_FAULT
                        : header->wait_place == IOTRACE_WAIT_WORKER ? IOTRACE_CAUSE_ASYNC_WAIT
                                                                    : IOTRACE_CAUSE_OTHER;
            header->totals.causes[cause] += open;
            sample->open_cause = cause;
            sample->line.flags |= IOTRACE_LINE_ASLEEP;
        }
    }
    used = header->calls_used;
    if (used > IOTRACE_CALL_SLOTS)
        used = IOTRACE_CALL_SLOTS;
    sample->call_count = used;
    walk.seq = seq;
    walk.thread = thread;
    bpf_loop(IOTRACE_FD_SLOTS, count_used_slot, &walk, 0);
    sample->fd_count = walk.fds;
    walk.failed = bpf_seq_write(seq, sample, sizeof(*sample));
    bpf_loop(used, write_call, &walk, 0);
    bpf_loop(IOTRACE_FD_SLOTS, write_fd, &walk, 0);
    if (sample->line.flags & IOTRACE_LINE_ASLEEP && !walk.failed)
        thread->header.sampled_since_ns = header->state_since_ns;
    return 0;
}
