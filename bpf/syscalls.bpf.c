// System calls, counted at their exit: number, arguments and result are all there (kernel/entry/common.c:
// syscall_exit_work()), so the default mode runs no program at entry.
#include "blockio.bpf.c"
#include "loops.bpf.h"
#include "mappings.bpf.c"
#include "models.bpf.h"
#include "zerocopy.bpf.c"

// UAPI values that the probes act on.
#define F_DUPFD 0
#define F_DUPFD_CLOEXEC 1030
#define NR_RT_SIGRETURN 15
#define UIO_MAXIOV 1024

// Loads the counter of an fd into the thread's cache. 0 when a map is full.
__noinline int load_fd(struct iotrace_thread_state *thread, s32 fd, u64 file)
{
    struct iotrace_fd_counter *counter;
    struct iotrace_file_record *record;
    u32 *generation;
    u64 file_id;

    if (!thread)
        return 0;
    counter = &thread->fds[(u32)fd % IOTRACE_FD_SLOTS];
    generation = fd_generation(thread->header.process_id, fd);
    file_id = file_id_of(thread->header.process_id, fd, file, SCRATCH_TRACEPOINT);
    if (file_id && counter->file_id == file_id) { // the number changed hands elsewhere, is polled now, or a collision
        counter->generation = generation ? *generation : 0;
        record = bpf_map_lookup_elem(&files, &file_id);
        if (record)
            counter->watched |= record->polled;
        return 1;
    }
    fold_fd(counter);
    if (!file_id)
        return 0;
    record = bpf_map_lookup_elem(&files, &file_id);
    if (!record)
        return 0;
    if (is_socket(record->type) && !record->socket_seen_in_io) { // now it has the addresses it was given meanwhile
        read_socket_name(&record->socket, file);
        record->socket_seen_in_io = 1;
    }
    counter->file = file;
    counter->file_id = file_id;
    counter->fd = fd;
    counter->generation = generation ? *generation : 0;
    counter->operations = 0;
    counter->again = 0;
    counter->model = IOTRACE_MODEL_NONE;
    counter->watched = record->polled;
    counter->bytes_in = 0;
    counter->bytes_out = 0;
    counter->blocked_ns = 0;
    counter->type = record->type;
    counter->device = record->char_device;
    return 1;
}

// Makes the thread's cache slot for an fd hold its counter. 0 when there is no such fd, or no room for its record.
//
// One function for all callers: the verifier searches the kernel's types by name at each pointer that it follows, so
// the walk through the fd table must be verified once only.
__noinline int touch_fd(struct iotrace_thread_state *thread, s32 fd)
{
    struct iotrace_fd_counter *counter;
    u32 *generation;
    u64 file;

    if (!thread)
        return 0;
    file = file_of_fd(fd);
    if (!file)
        return 0;
    counter = &thread->fds[(u32)fd % IOTRACE_FD_SLOTS];
    generation = fd_generation(thread->header.process_id, fd);
    if (counter->file != file || counter->fd != fd || !generation || counter->generation != *generation) {
        if (!load_fd(thread, fd, file)) {
            LOSE(file_map_full, 1);
            return 0;
        }
    }
    read_flags(file, &counter->f_flags, &counter->watched);
    return 1;
}

static __always_inline struct iotrace_fd_counter *fd_counter(struct iotrace_thread_state *thread, s32 fd)
{
    return touch_fd(thread, fd) ? &thread->fds[(u32)fd % IOTRACE_FD_SLOTS] : 0;
}

__noinline int fd_opened(struct iotrace_thread_state *thread, s32 fd)
{
    struct iotrace_fd_key key = {.fd = fd};
    struct iotrace_fd_counter *counter;
    struct iotrace_fd_binding *binding;
    u64 process_id, file;

    if (!thread)
        return 0;
    key.process_id = process_id = thread->header.process_id;
    counter = &thread->fds[(u32)fd % IOTRACE_FD_SLOTS];
    file = file_of_fd(fd);
    binding = bpf_map_lookup_elem(&fd_bindings, &key);
    if (binding)
        close_record(binding->file_id);
    fd_changed(process_id, fd);
    if (counter->fd == fd)
        fold_fd(counter);
    if (file && !new_record(process_id, fd, file, SCRATCH_TRACEPOINT))
        LOSE(file_map_full, 1);
    return 0;
}

static __always_inline void fd_closed(struct iotrace_thread_state *thread, s32 fd)
{
    u64 process_id = thread->header.process_id;
    struct iotrace_fd_key key = {.process_id = process_id, .fd = fd};
    struct iotrace_fd_counter *counter = &thread->fds[(u32)fd % IOTRACE_FD_SLOTS];
    struct iotrace_fd_binding *binding;

    if (counter->fd == fd)
        fold_fd(counter);
    binding = bpf_map_lookup_elem(&fd_bindings, &key);
    if (binding) {
        close_record(binding->file_id);
        bpf_map_delete_elem(&fd_bindings, &key);
    }
    fd_changed(process_id, fd);
}

static __always_inline void pair_opened(struct iotrace_thread_state *thread, u64 address)
{
    s32 pair[2];

    if (bpf_probe_read_user(pair, sizeof(pair), (void *)address)) {
        LOSE(user_read_failed, 1);
        return;
    }
    fd_opened(thread, pair[0]);
    fd_opened(thread, pair[1]);
}

// The bytes of sendmmsg and recvmmsg, whose results count messages.
__noinline u64 mmsg_bytes(u64 vector, s64 messages)
{
    u64 bytes = 0;

    for (int i = 0; i < UIO_MAXIOV; i++) {
        u32 length;
        if (i >= messages)
            break;
        if (bpf_probe_read_user(&length, sizeof(length), (void *)(vector + i * MMSGHDR_BYTES + MMSGHDR_LENGTH))) {
            LOSE(user_read_failed, 1);
            break;
        }
        bytes += length;
    }
    return bytes;
}

__noinline int refresh_address(struct iotrace_fd_counter *counter)
{
    struct iotrace_file_record *record;
    u64 file_id;

    if (!counter || !is_socket(counter->type))
        return 0;
    file_id = counter->file_id;
    record = bpf_map_lookup_elem(&files, &file_id);
    if (record)
        read_socket_name(&record->socket, counter->file);
    return 0;
}

// Calls that change what an fd number means. `first`, `second` and `fourth` are their arguments.
__noinline int change_fds(struct iotrace_thread_state *thread, u64 first, u64 second, u64 fourth, s64 result)
{
    if (!thread)
        return 0;
    switch (trait_of(thread->header.call_nr).kind) {
    case IOTRACE_KIND_OPEN:
    case IOTRACE_KIND_DUP:
    case IOTRACE_KIND_ACCEPT:
        fd_opened(thread, result);
        break;
    case IOTRACE_KIND_FCNTL:
        if (second == F_DUPFD || second == F_DUPFD_CLOEXEC)
            fd_opened(thread, result);
        break;
    case IOTRACE_KIND_PIPE:
        pair_opened(thread, first);
        break;
    case IOTRACE_KIND_SOCKETPAIR:
        pair_opened(thread, fourth);
        break;
    case IOTRACE_KIND_CLOSE:
        fd_closed(thread, first);
        break;
    }
    return 0;
}

// The loader makes its calls from its own text, before anything else runs. Whatever comes from elsewhere, or is not
// what a loader calls, ends the start-up phase.
static __noinline int in_startup(struct iotrace_thread_state *thread, struct pt_regs *regs, u32 trait_flags)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct iotrace_thread_header *header;
    struct mm_struct *mm = task->mm;
    u64 ip;

    if (!thread || !regs || !mm)
        return 0;
    header = &thread->header;
    ip = BPF_CORE_READ(regs, ip);
    if (!header->loader_start) {
        struct address_range range = {};
        if (ip >= mm->start_code && ip < mm->end_code) { // linked statically: there is no loader
            header->flags &= ~IOTRACE_THREAD_STARTUP;
            return 0;
        }
        bpf_find_vma(task, ip, note_range, &range, 0);
        header->loader_start = range.start;
        header->loader_end = range.end;
    }
    if (ip < header->loader_start || ip >= header->loader_end || !(trait_flags & IOTRACE_TRAIT_LOADER)) {
        header->flags &= ~IOTRACE_THREAD_STARTUP;
        return 0;
    }
    return 1;
}

// Charges the sleeps of the call that is returning to the call, its fd and their causes.
__noinline int charge_call(struct iotrace_thread_state *thread, struct iotrace_call_counter *call,
                           struct iotrace_fd_counter *fd, u32 cause)
{
    struct iotrace_thread_header *header;
    u64 blocked, disk;

    if (!thread)
        return 0;
    header = &thread->header;
    blocked = header->pending_blocked_ns;
    disk = header->pending_disk_ns;
    cause = resolve_cause(cause, fd ? fd->type : IOTRACE_FILE_UNKNOWN);
    header->totals.causes[IOTRACE_CAUSE_DISK] += disk;
    if (cause < IOTRACE_CAUSES)
        header->totals.causes[cause] += blocked - disk;
    if (call) {
        call->blocked_ns += blocked;
        call->runqueue_ns += header->pending_runqueue_ns;
        call->sleeps += header->pending_sleeps != 0;
    }
    if (fd)
        fd->blocked_ns += blocked;
    charge_loop(header, fd, trait_of(header->call_nr).kind, blocked);
    header->pending_blocked_ns = 0;
    header->pending_disk_ns = 0;
    header->pending_runqueue_ns = 0;
    header->pending_sleeps = 0;
    return 0;
}

static __always_inline u32 latency_bucket(u64 nanoseconds)
{
    u32 octave = 63;

    if (nanoseconds < (1ull << IOTRACE_LATENCY_FIRST_OCTAVE))
        return 0;
    if (nanoseconds >= (1ull << IOTRACE_LATENCY_LAST_OCTAVE))
        return IOTRACE_LATENCY_BUCKETS - 1;
    octave = 0; // log2 by halves: the target has no count-leading-zeros instruction
    if (nanoseconds >> 32)
        octave += 32;
    if (nanoseconds >> (octave + 16))
        octave += 16;
    if (nanoseconds >> (octave + 8))
        octave += 8;
    if (nanoseconds >> (octave + 4))
        octave += 4;
    if (nanoseconds >> (octave + 2))
        octave += 2;
    if (nanoseconds >> (octave + 1))
        octave += 1;
    return 1 + 4 * (octave - IOTRACE_LATENCY_FIRST_OCTAVE) + ((nanoseconds >> (octave - 2)) & 3);
}

// `again`: a call on an fd that ended with EAGAIN.
__noinline int record_latency(struct iotrace_thread_state *thread, u32 nr, u32 again)
{
    struct iotrace_call_key key = {.nr = nr};
    struct iotrace_latency *latency;
    struct scratch *scratch;
    u64 total, off_cpu;
    u32 bucket;

    if (!thread)
        return 0;
    total = elapsed(thread->header.entered_ns, bpf_ktime_get_ns());
    off_cpu = thread->header.pending_blocked_ns + thread->header.pending_runqueue_ns;
    thread->header.entered_ns = 0;
    key.process_id = thread->header.process_id;
    latency = bpf_map_lookup_elem(&latencies, &key);
    if (!latency) {
        scratch = scratch_of(SCRATCH_TRACEPOINT);
        if (!scratch)
            return 0;
        bpf_map_update_elem(&latencies, &key, &scratch->latency, BPF_NOEXIST);
        latency = bpf_map_lookup_elem(&latencies, &key);
        if (!latency) {
            LOSE(latency_map_full, 1);
            return 0;
        }
    }
    bucket = latency_bucket(total);
    __sync_fetch_and_add(&latency->calls, 1);
    __sync_fetch_and_add(&latency->total_ns, total);
    __sync_fetch_and_add(&latency->on_cpu_ns, elapsed(off_cpu, total));
    if (again) {
        thread->header.totals.again_timed++;
        thread->header.totals.again_on_cpu_ns += elapsed(off_cpu, total);
    }
    if (total > latency->max_ns)
        latency->max_ns = total;
    if (bucket < IOTRACE_LATENCY_BUCKETS)
        __sync_fetch_and_add(&latency->buckets[bucket], 1);
    return 0;
}

#define NR_RECVFROM 45

static __always_inline void charge_fd_devices(struct iotrace_thread_state *thread, struct iotrace_fd_counter *fd)
{
    struct iotrace_file_record *record = fd ? file_record(fd->file_id) : 0;
    charge_devices(thread, record, record);
}

// What the ledger needs to know of a call, which for most calls is nothing: the flags and the type of the fd say so.
static __always_inline void account(struct iotrace_thread_state *thread, struct iotrace_fd_counter *fd,
                                    struct pt_regs *regs, struct iotrace_trait trait, s32 number, u64 source_id,
                                    bool failed, u64 moved, u64 bytes)
{
    u32 nr = thread->header.call_nr, msg_flags = 0;

    if (!config.ledger)
        return;
    if (trait.kind >= IOTRACE_KIND_SENDFILE && trait.kind <= IOTRACE_KIND_TEE) {
        account_transfer(thread, source_id, fd ? number : -1, moved);
        return;
    }
    if (trait.kind == IOTRACE_KIND_GETEVENTS && !failed)
        account_events(thread, regs->r10, moved);
    if (!fd || failed) {
        if (thread->header.pending_io)
            charge_fd_devices(thread, fd);
        return;
    }
    if (trait.flags & IOTRACE_TRAIT_MSG_FLAGS_THIRD)
        msg_flags = regs->dx & MSG_SPECIAL;
    else if (trait.flags & IOTRACE_TRAIT_MSG_FLAGS_FOURTH)
        msg_flags = regs->r10 & MSG_SPECIAL;
    if (msg_flags | fd->device | (fd->f_flags & O_DIRECT) | thread->header.pending_io)
        account_call(thread, number, bytes, msg_flags, nr == NR_RECVFROM ? regs->dx : regs->si);
    if (trait.kind == IOTRACE_KIND_VMSPLICE)
        account_vmsplice(thread, number, moved);
    if (!msg_flags)
        return;
    if (msg_flags & MSG_ZEROCOPY && (trait.kind == IOTRACE_KIND_WRITE || trait.kind == IOTRACE_KIND_SENDMMSG))
        account_zerocopy_send(thread, number, bytes, trait.kind == IOTRACE_KIND_SENDMMSG ? moved : 1, regs->si);
    if (msg_flags & MSG_ERRQUEUE && nr == NR_RECVMSG)
        read_completions(thread, number, regs->si);
    else if (msg_flags & MSG_ERRQUEUE && trait.kind == IOTRACE_KIND_RECVMMSG)
        read_completions_of_many(thread, number, regs->si, moved);
}

// Attached only while latencies are being timed.
SEC("tp_btf/sys_enter")
int BPF_PROG(time_entry, struct pt_regs *regs, long nr)
{
    struct iotrace_thread_state *thread = state_of(bpf_get_current_task_btf());

    if (thread)
        thread->header.entered_ns = bpf_ktime_get_ns();
    return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(count_call, struct pt_regs *regs, long result)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct iotrace_thread_state *thread = state_of(task);
    struct iotrace_call_counter *call;
    struct iotrace_fd_counter *fd = 0;
    struct iotrace_trait trait = {};
    bool failed, counts, loading = false;
    u64 bytes_in = 0, bytes_out = 0, moved, source_id = 0;
    s32 number, source = -1;
    u32 nr;

    if (!thread)
        return 0;
    if (thread->header.flags & (IOTRACE_THREAD_INACTIVE | IOTRACE_THREAD_NEWBORN)) {
        if (thread->header.flags & IOTRACE_THREAD_INACTIVE)
            return 0;
        thread->header.flags &= ~IOTRACE_THREAD_NEWBORN;
        if (!result) // the child's half of the clone: one call, and the parent's half counts it
            return 0;
    }
    nr = regs->orig_ax;
    if (nr == (u32)-1) // a return from a signal handler has restored the interrupted registers
        nr = NR_RT_SIGRETURN;
    if (task->thread_info.status & TS_COMPAT)
        nr |= IOTRACE_COMPAT_BIT;
    else
        trait = trait_of(nr);
    call = call_counter(thread, nr);
    failed = (unsigned long)result >= (unsigned long)-MAX_ERRNO;
    if (call) {
        call->count++;
        call->errors += failed;
    }
    if (thread->header.flags & IOTRACE_THREAD_STARTUP)
        loading = in_startup(thread, regs, trait.flags);
    if (thread->header.entered_ns)
        record_latency(thread, nr, result == -EAGAIN && trait.kind != IOTRACE_KIND_NONE);
    if (trait.kind == IOTRACE_KIND_NONE) {
        if (thread->header.pending_blocked_ns | thread->header.pending_runqueue_ns)
            charge_call(thread, call, 0, trait.cause);
        if (thread->header.pending_io)
            charge_devices(thread, 0, 0);
        return 0;
    }

    counts = !failed || result == -EAGAIN /* that is what polling looks like */;
    moved = failed ? 0 : result;
    number = regs->di;
    switch (trait.kind) {
    case IOTRACE_KIND_READ:
        bytes_in = moved;
        break;
    case IOTRACE_KIND_WRITE:
    case IOTRACE_KIND_VMSPLICE: // its direction is that of the pipe's end
        bytes_out = moved;
        break;
    case IOTRACE_KIND_RECVMMSG:
        bytes_in = mmsg_bytes(regs->si, moved);
        break;
    case IOTRACE_KIND_SENDMMSG:
        bytes_out = mmsg_bytes(regs->si, moved);
        break;
    case IOTRACE_KIND_SENDFILE: // its first argument is the sink
        source = regs->si;
        bytes_out = moved;
        break;
    case IOTRACE_KIND_SPLICE:
    case IOTRACE_KIND_COPY_RANGE:
        source = number;
        number = regs->dx;
        bytes_out = moved;
        break;
    case IOTRACE_KIND_TEE:
        source = number;
        number = regs->si;
        bytes_out = moved;
        break;
    case IOTRACE_KIND_FD_WAIT:
    case IOTRACE_KIND_SYNC:
    case IOTRACE_KIND_ACCEPT:
    case IOTRACE_KIND_ADDRESS:
        break;
    case IOTRACE_KIND_FD:
    case IOTRACE_KIND_FCNTL:
        counts = false;
        if (!thread->header.pending_blocked_ns)
            number = -1;
        break;
    case IOTRACE_KIND_VM_READ:
        bytes_in = moved;
        number = -1;
        break;
    case IOTRACE_KIND_VM_WRITE:
        bytes_out = moved;
        number = -1;
        break;
    case IOTRACE_KIND_WAIT:
    case IOTRACE_KIND_GETEVENTS:
        number = -1;
        break;
    default:
        counts = false;
        number = -1;
    }
    // The source's cache slot may be the sink's too, so the source is finished before the sink is loaded.
    if (source >= 0 && counts) {
        fd = fd_counter(thread, source);
        if (fd) {
            set_model(fd, loading ? IOTRACE_MODEL_NONE : model_of(fd, asks_not_to_wait(regs, trait)));
            fd->operations++;
            fd->again += failed;
            fd->bytes_in += moved;
            source_id = fd->file_id;
        }
    }
    fd = number >= 0 ? fd_counter(thread, number) : 0;
    if (call)
        call->bytes += bytes_in + bytes_out;
    if (fd && counts) {
        if (trait.kind == IOTRACE_KIND_VMSPLICE && !(fd->f_flags & O_ACCMODE)) {
            bytes_in = moved;
            bytes_out = 0;
        }
        set_model(fd, loading || trait.kind == IOTRACE_KIND_FD_WAIT || trait.kind == IOTRACE_KIND_ADDRESS
                          ? IOTRACE_MODEL_NONE
                          : model_of(fd, asks_not_to_wait(regs, trait)));
        fd->operations++;
        fd->again += failed;
        fd->bytes_in += bytes_in;
        fd->bytes_out += bytes_out;
    }
    thread->header.call_nr = nr;
    account(thread, fd, regs, trait, number, source_id, failed, moved, bytes_in + bytes_out);
    if (loading && counts) {
        thread->header.totals.startup_operations++;
        thread->header.totals.startup_bytes_in += bytes_in;
        thread->header.totals.startup_bytes_out += bytes_out;
    }
    if (trait.kind == IOTRACE_KIND_ADDRESS && fd)
        refresh_address(fd);
    if (thread->header.pending_blocked_ns | thread->header.pending_runqueue_ns)
        charge_call(thread, call, fd, trait.cause);
    if (!failed && (trait.kind == IOTRACE_KIND_ACCEPT || trait.kind >= IOTRACE_KIND_OPEN))
        change_fds(thread, regs->di, regs->si, regs->r10, result);
    if (trait.kind == IOTRACE_KIND_FD_WAIT) {
        if (!failed)
            note_wait(&thread->header, trait.kind, nr, 1, moved);
    } else if (!failed && trait.kind != IOTRACE_KIND_WAIT) {
        thread->header.worked = 1;
    }
    if (trait.kind == IOTRACE_KIND_WAIT && !failed) {
        note_wait(&thread->header, trait.kind, nr, nr == NR_POLL || nr == NR_PPOLL ? regs->si : regs->di, moved);
        if (nr == NR_POLL || nr == NR_PPOLL) {
            note_poll_set(thread, regs->di, regs->si);
        } else if (moved) {
            note_select_set(thread, regs->si, regs->di);
            note_select_set(thread, regs->dx, regs->di);
        }
    }
    if (trait.kind == IOTRACE_KIND_EPOLL_CTL && !failed)
        note_registration(thread, regs->si, regs->dx, regs->r10);
    if (config.ledger && !failed && trait.kind == IOTRACE_KIND_MMAP && !loading)
        note_mapping(thread, regs->r8, regs->dx, regs->r10, regs->si);
    return 0;
}
