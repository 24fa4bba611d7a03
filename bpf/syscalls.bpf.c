// System calls, counted at their exit: number, arguments and result are all there (kernel/entry/common.c:
// syscall_exit_work()), so the default mode runs no program at entry.
#include "blockio.bpf.c"
#include "latency.bpf.h"
#include "loops.bpf.h"
#include "mappings.bpf.c"
#include "models.bpf.h"
#include "zerocopy.bpf.c"

// UAPI values that the probes act on.
#define F_DUPFD 0
#define F_DUPFD_CLOEXEC 1030
#define NR_RT_SIGRETURN 15
#define UIO_MAXIOV 1024

// Loads the counter of an fd into the thread's cache, in which it was not, or no longer. 0 when a map is full.
__noinline int load_fd(struct iotrace_thread_state *thread, s32 fd, u64 file)
{
    struct iotrace_fd_counter *counter;
    struct iotrace_file_record *record;
    u64 file_id;
    u32 generation;

    if (!thread)
        return 0;
    counter = &thread->fds[(u32)fd % IOTRACE_FD_SLOTS];
    generation = fd_generation(thread->header.process_id, fd);
    file_id = file_id_of(thread->header.process_id, fd, file, SCRATCH_TRACEPOINT);
    if (file_id && counter->file_id == file_id) { // the number changed hands elsewhere, is polled now, or a collision
        counter->generation = generation;
        counter->file = file; // a record that was opened again
        counter->fd = fd;
        record = bpf_map_lookup_elem(&files, &file_id);
        if (record)
            counter->watched |= polled_by_any_fd(record);
        return 1;
    }
    fold_fd(counter);
    record = file_id ? bpf_map_lookup_elem(&files, &file_id) : 0;
    if (!record) {
        LOSE(file_map_full, 1);
        return 0;
    }
    if (is_socket(record->type) && !record->socket_seen_in_io) { // now it has the addresses it was given meanwhile
        read_socket_name(&record->socket, file);
        record->socket_seen_in_io = 1;
    }
    counter->file = file;
    counter->file_id = file_id;
    counter->fd = fd;
    counter->generation = generation;
    counter->operations = 0;
    counter->again = 0;
    counter->model = IOTRACE_MODEL_NONE;
    counter->watched = polled_by_any_fd(record);
    counter->bytes_in = 0;
    counter->bytes_out = 0;
    counter->blocked_ns = 0;
    counter->type = record->type;
    counter->device = record->char_device;
    return 1;
}

// The thread's counter of an fd, with its flags of now; 0 when there is no such fd, or no room for its record.
static __always_inline struct iotrace_fd_counter *fd_counter(struct iotrace_thread_state *thread, s32 fd)
{
    struct iotrace_fd_counter *counter = &thread->fds[(u32)fd % IOTRACE_FD_SLOTS];
    u64 file = file_of_fd(fd);

    if (!file)
        return 0;
    if (counter->file != file || counter->fd != fd ||
        counter->generation != fd_generation(thread->header.process_id, fd)) {
        if (!load_fd(thread, fd, file))
            return 0;
    }
    read_flags(file, &counter->f_flags, &counter->watched);
    return counter;
}

// The same for what is not on the shortest way: following the kernel's pointers makes the verifier search its types by
// name, so it is to be done in few places.
__noinline int touch_fd(struct iotrace_thread_state *thread, s32 fd)
{
    return thread && fd >= 0 && fd_counter(thread, fd);
}

// The record of an fd that is open now.
static __always_inline u64 opened_record(struct iotrace_thread_state *thread, s32 fd, u64 file,
                                         struct iotrace_fd_binding *bound)
{
    u64 process_id = thread->header.process_id, path = 0, file_id;

    if (trait_of(thread->header.call_nr).kind == IOTRACE_KIND_OPEN && thread->header.opens++ >= IOTRACE_OWN_RECORDS) {
        path = path_number(file);
        file_id = path ? reopen_record(process_id, fd, file, path, bound) : 0;
        if (file_id)
            return file_id;
    }
    return new_record(process_id, fd, file, path, SCRATCH_TRACEPOINT);
}

__noinline int fd_opened(struct iotrace_thread_state *thread, s32 fd)
{
    struct iotrace_fd_key key = {.fd = fd};
    struct iotrace_fd_counter *counter;
    struct iotrace_fd_binding *bound;
    u64 process_id, file, file_id = 0;

    if (!thread)
        return 0;
    key.process_id = process_id = thread->header.process_id;
    counter = &thread->fds[(u32)fd % IOTRACE_FD_SLOTS];
    file = file_of_fd(fd);
    bound = bpf_map_lookup_elem(&fd_bindings, &key);
    if (bound)
        close_record(bound);
    fd_changed(process_id, fd);
    if (file) {
        file_id = opened_record(thread, fd, file, bound);
        if (!file_id)
            LOSE(file_map_full, 1);
    }
    if (counter->file_id && counter->file_id == file_id) { // the thread's own, opened again
        counter->file = file;
        counter->fd = fd;
        counter->generation = fd_generation(process_id, fd);
        counter->watched = 0;
    } else if (counter->fd == fd) {
        fold_fd(counter);
    }
    return 0;
}

static __always_inline void fd_closed(struct iotrace_thread_state *thread, s32 fd)
{
    u64 process_id = thread->header.process_id;
    struct iotrace_fd_key key = {.process_id = process_id, .fd = fd};
    struct iotrace_fd_counter *counter = &thread->fds[(u32)fd % IOTRACE_FD_SLOTS];
    struct iotrace_fd_binding *bound = bpf_map_lookup_elem(&fd_bindings, &key);

    if (file_of_fd(fd)) // given out again before this call returned: that open is what tells of it
        return;
    fd_changed(process_id, fd);
    if (bound && close_record(bound))
        return;
    if (counter->fd == fd)
        fold_fd(counter);
    if (bound)
        bpf_map_delete_elem(&fd_bindings, &key);
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

struct message_walk {
    u64 vector;
    u64 bytes;
};

static long add_message(u32 index, struct message_walk *walk)
{
    u32 length;

    if (bpf_probe_read_user(&length, sizeof(length), (void *)(walk->vector + index * MMSGHDR_BYTES + MMSGHDR_LENGTH))) {
        LOSE(user_read_failed, 1);
        return 1;
    }
    walk->bytes += length;
    return 0;
}

// The bytes of sendmmsg and recvmmsg, whose results count messages.
static __always_inline u64 mmsg_bytes(u64 vector, u64 messages)
{
    struct message_walk walk = {.vector = vector};

    bpf_loop(messages < UIO_MAXIOV ? messages : UIO_MAXIOV, add_message, &walk, 0);
    return walk.bytes;
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
__noinline int in_startup(struct iotrace_thread_state *thread)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
    struct iotrace_thread_header *header;
    struct mm_struct *mm = untrusted(task)->mm;
    u64 ip;

    if (!thread || !mm)
        return 0;
    header = &thread->header;
    ip = regs->ip;
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
    if (ip < header->loader_start || ip >= header->loader_end ||
        !(trait_of(header->call_nr).flags & IOTRACE_TRAIT_LOADER)) {
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
    if (fd && fd->model == IOTRACE_MODEL_BLOCKING && fd->watched & (IOTRACE_WATCHED_POLL | IOTRACE_WATCHED_SELECT))
        forget_watched(header->process_id, fd);
    charge_loop(header, fd, trait_of(header->call_nr).kind, blocked);
    header->pending_blocked_ns = 0;
    header->pending_disk_ns = 0;
    header->pending_runqueue_ns = 0;
    header->pending_sleeps = 0;
    return 0;
}

// `again`: a call on an fd that ended with EAGAIN.
__noinline int record_latency(struct iotrace_thread_state *thread, u32 nr, u32 again)
{
    struct iotrace_call_key key = {.nr = nr};
    struct iotrace_latency *latency;
    struct scratch *scratch;
    u64 total, off_cpu;

    if (!thread)
        return 0;
    total = elapsed(thread->header.entered_ns, bpf_ktime_get_ns());
    off_cpu = thread->header.pending_blocked_ns + thread->header.pending_runqueue_ns;
    if (off_cpu > total) // the clocks of two CPUs
        off_cpu = total;
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
    add_latency(latency, total, off_cpu);
    if (again) {
        thread->header.totals.again_timed++;
        thread->header.totals.again_on_cpu_ns += total - off_cpu;
    }
    return 0;
}

#define NR_RECVFROM 45

// What devices did in a call that the ledger has no more to say about.
__noinline int charge_call_devices(struct iotrace_thread_state *thread, struct iotrace_fd_counter *fd)
{
    struct iotrace_file_record *record = fd ? file_record(fd->file_id) : 0;

    if (thread)
        charge_devices(thread, record, record);
    return 0;
}

// A call on an fd that may be something else than a plain copy. `number` is in the thread's cache.
__noinline int account_special(struct iotrace_thread_state *thread, s32 number, u64 moved, u64 bytes)
{
    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
    struct iotrace_trait trait;
    u32 nr, msg_flags;

    if (!thread)
        return 0;
    nr = thread->header.call_nr;
    trait = trait_of(nr);
    msg_flags = call_flags(regs, trait) & MSG_SPECIAL;
    account_call(thread, number, bytes, msg_flags, nr == NR_RECVFROM ? regs->dx : regs->si);
    if (!msg_flags)
        return 0;
    if (msg_flags & MSG_ZEROCOPY && (trait.kind == IOTRACE_KIND_WRITE || trait.kind == IOTRACE_KIND_SENDMMSG))
        account_zerocopy_send(thread, number, bytes, trait.kind == IOTRACE_KIND_SENDMMSG ? moved : 1, regs->si);
    if (msg_flags & MSG_ERRQUEUE && nr == NR_RECVMSG)
        read_completions(thread, number, regs->si);
    else if (msg_flags & MSG_ERRQUEUE && trait.kind == IOTRACE_KIND_RECVMMSG)
        read_completions_of_many(thread, number, regs->si, moved);
    return 0;
}

// What the ledger needs to know of a call on one fd, which for most calls is nothing: the flags and the type of the fd
// say so.
static __always_inline void account(struct iotrace_thread_state *thread, struct iotrace_fd_counter *fd, u32 special,
                                    u32 kind, s32 number, bool failed, u64 moved, u64 bytes)
{
    if (!config.ledger)
        return;
    if (fd && !failed) {
        if (special | (fd->f_flags & O_DIRECT) | thread->header.pending_io)
            account_special(thread, number, moved, bytes);
        else if (fd->device)
            charge_device(&thread->header, kind, bytes);
    } else if (thread->header.pending_io) {
        charge_call_devices(thread, fd);
    }
}

static __always_inline void count_startup(struct iotrace_thread_state *thread, u64 bytes_in, u64 bytes_out)
{
    thread->header.totals.startup_operations++;
    thread->header.totals.startup_bytes_in += bytes_in;
    thread->header.totals.startup_bytes_out += bytes_out;
}

static __always_inline bool has_pending_sleep(struct iotrace_thread_state *thread)
{
    return thread->header.pending_blocked_ns | thread->header.pending_runqueue_ns;
}

static __always_inline void add_operation(struct iotrace_fd_counter *fd, u8 model, bool failed, u64 bytes_in,
                                          u64 bytes_out)
{
    set_model(fd, model);
    fd->operations++;
    fd->again += failed;
    fd->bytes_in += bytes_in;
    fd->bytes_out += bytes_out;
}

// How an operation is counted on its fd.
#define COUNT_FAILED 1
#define COUNT_WITHOUT_MODEL 2 // waits, addresses, and what the loader does
#define COUNT_NOT_TO_WAIT 4   // the call asked for that itself
#define COUNT_WAITED 8        // it receives, and slept for that

// Counts an operation on an fd of the thread. 0 when there is no such fd, or no room for its record.
__noinline int count_on_fd(struct iotrace_thread_state *thread, s32 number, u64 bytes_in, u64 bytes_out, u32 how)
{
    struct iotrace_fd_counter *fd;

    if (!thread || number < 0)
        return 0;
    fd = fd_counter(thread, number);
    if (!fd)
        return 0;
    add_operation(
        fd, how & COUNT_WITHOUT_MODEL ? IOTRACE_MODEL_NONE : model_of(fd, how & COUNT_NOT_TO_WAIT, how & COUNT_WAITED),
        how & COUNT_FAILED, bytes_in, bytes_out);
    return 1;
}

// The source of a transfer, and above it the sink.
static __always_inline u64 ends_of_transfer(struct pt_regs *regs, u32 kind)
{
    if (kind == IOTRACE_KIND_SENDFILE) // its first argument is the sink
        return regs->di << 32 | (u32)regs->si;
    return (kind == IOTRACE_KIND_TEE ? regs->si : regs->dx) << 32 | (u32)regs->di;
}

// Calls that move bytes from one fd to another. `how`: COUNT_WITHOUT_MODEL is what the loader does.
__noinline int count_transfer(struct iotrace_thread_state *thread, struct iotrace_call_counter *call, s64 result,
                              u64 ends, u32 how)
{
    bool failed = (unsigned long)result >= (unsigned long)-MAX_ERRNO, counts, found = false;
    u64 moved = failed ? 0 : result, source_id = 0;
    struct iotrace_fd_counter *fd = 0;
    s32 source = ends, sink = ends >> 32;

    if (!thread)
        return 0;
    counts = !failed || result == -EAGAIN;
    if (failed)
        how |= COUNT_FAILED;
    // The source's cache slot may be the sink's too, so the source is finished before the sink is loaded.
    if (counts && count_on_fd(thread, source, moved, 0, how))
        source_id = thread->fds[(u32)source % IOTRACE_FD_SLOTS].file_id;
    found = counts ? count_on_fd(thread, sink, 0, moved, how) : touch_fd(thread, sink);
    if (found)
        fd = &thread->fds[(u32)sink % IOTRACE_FD_SLOTS];
    if (call)
        call->bytes += moved;
    if (config.ledger)
        account_transfer(thread, source_id, found ? sink : -1, moved);
    if (how & COUNT_WITHOUT_MODEL && counts)
        count_startup(thread, 0, moved);
    if (has_pending_sleep(thread))
        charge_call(thread, call, fd, trait_of(thread->header.call_nr).cause);
    return 0;
}

// What a successful call tells of files that are mapped, of fds that are watched and of requests.
__noinline int note_call(struct iotrace_thread_state *thread, s64 result, u32 loading)
{
    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());

    if (!thread)
        return 0;
    switch (trait_of(thread->header.call_nr).kind) {
    case IOTRACE_KIND_EPOLL_CTL:
        if (config.models)
            note_registration(thread, regs->si, regs->dx, regs->r10);
        break;
    case IOTRACE_KIND_MMAP:
        if (config.ledger && !loading)
            note_mapping(thread, regs->r8, regs->dx, regs->r10, regs->si);
        break;
    case IOTRACE_KIND_GETEVENTS:
        if (config.ledger)
            account_events(thread, regs->di, regs->r10, result);
        break;
    case IOTRACE_KIND_SUBMIT:
        if (config.ledger)
            account_submissions(thread, regs->di, regs->dx, result);
        break;
    }
    return 0;
}

// What follows the counting of a call on one fd. `number` is in the thread's cache; -1: there is none.
__noinline int settle_call(struct iotrace_thread_state *thread, struct iotrace_call_counter *call, s32 number,
                           s64 result, u64 bytes)
{
    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
    bool failed = (unsigned long)result >= (unsigned long)-MAX_ERRNO;
    struct iotrace_fd_counter *fd = 0;
    struct iotrace_trait trait;

    if (!thread)
        return 0;
    trait = trait_of(thread->header.call_nr);
    if (number >= 0)
        fd = &thread->fds[(u32)number % IOTRACE_FD_SLOTS];
    if (call)
        call->bytes += bytes;
    account(thread, fd, call_flags(regs, trait) & MSG_SPECIAL, trait.kind, number, failed, failed ? 0 : result, bytes);
    if (config.ledger && fd && !failed && trait.kind == IOTRACE_KIND_VMSPLICE)
        account_vmsplice(thread, number, result);
    if (trait.kind == IOTRACE_KIND_ADDRESS)
        refresh_address(fd);
    if (has_pending_sleep(thread))
        charge_call(thread, call, fd,
                    trait.kind == IOTRACE_KIND_WAIT && only_sleeps(regs, thread->header.call_nr) ? IOTRACE_CAUSE_SLEEP
                                                                                                 : trait.cause);
    return 0;
}

// All I/O calls but the most frequent kinds. A function that is not static is verified once, whatever leads to it.
// Returns the fd, or -1 where there is none, for settle_call(): called from here, its frames would be too many for one
// stack.
__noinline int count_io(struct iotrace_thread_state *thread, s64 result, u32 loading)
{
    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
    bool failed = (unsigned long)result >= (unsigned long)-MAX_ERRNO, counts, found = false;
    u64 moved = failed ? 0 : result, bytes_in = 0, bytes_out = 0;
    s32 number = regs->di;
    struct iotrace_trait trait;
    u32 how;

    if (!thread)
        return -1;
    trait = trait_of(thread->header.call_nr);
    counts = !failed || result == -EAGAIN;
    how = failed ? COUNT_FAILED : 0;
    if (loading)
        how |= COUNT_WITHOUT_MODEL;
    else if (call_flags(regs, trait) & MSG_DONTWAIT)
        how |= COUNT_NOT_TO_WAIT;
    switch (trait.kind) {
    case IOTRACE_KIND_RECVMMSG:
        bytes_in = mmsg_bytes(regs->si, moved);
        if (slept_for_data(thread))
            how |= COUNT_WAITED;
        break;
    case IOTRACE_KIND_SENDMMSG:
        bytes_out = mmsg_bytes(regs->si, moved);
        break;
    case IOTRACE_KIND_VMSPLICE: // its direction is that of the pipe's end
        if (touch_fd(thread, number) && !(thread->fds[(u32)number % IOTRACE_FD_SLOTS].f_flags & O_ACCMODE))
            bytes_in = moved;
        else
            bytes_out = moved;
        break;
    case IOTRACE_KIND_ADDRESS:
        how |= COUNT_WITHOUT_MODEL;
        break;
    case IOTRACE_KIND_ACCEPT:
        if (slept_for_data(thread))
            how |= COUNT_WAITED;
        break;
    case IOTRACE_KIND_SYNC:
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
    case IOTRACE_KIND_GETEVENTS:
        number = -1;
        if (!failed)
            thread->header.totals.instant_waits +=
                (!(s64)regs->si && !thread->header.pending_sleeps) || only_asks(&thread->header, regs->r8);
        break;
    default:
        counts = false;
        number = -1;
    }
    found = counts ? count_on_fd(thread, number, bytes_in, bytes_out, how) : touch_fd(thread, number);
    if (loading && counts)
        count_startup(thread, bytes_in, bytes_out);
    thread->header.call_bytes = bytes_in + bytes_out;
    return found ? number : -1;
}

// What poll and select have in common. Whether their sets are to be looked at.
static __always_inline bool counts_as_wait(struct iotrace_thread_header *header, s64 result, bool sleeps, u64 timeout,
                                           u64 fds)
{
    bool failed = (unsigned long)result >= (unsigned long)-MAX_ERRNO, polls = is_poll(header->call_nr);

    if (sleeps) {
        header->totals.sleep_wait_ns += header->pending_blocked_ns + header->pending_runqueue_ns;
        header->totals.poll_sleeps += !failed && polls;
        header->totals.select_sleeps += !failed && !polls;
        return false;
    }
    if (failed)
        return false;
    header->totals.instant_waits += only_asks(header, timeout);
    if (config.models)
        note_wait(header, IOTRACE_KIND_WAIT, header->call_nr, fds, result);
    return config.models;
}

// poll and ppoll.
__noinline int count_poll(struct iotrace_thread_state *thread, s64 result, u64 fds, u64 count, u64 timeout)
{
    if (thread && counts_as_wait(&thread->header, result, !count, timeout, count))
        note_poll_set(thread, fds, count);
    return 0;
}

// select and pselect6.
__noinline int count_select(struct iotrace_thread_state *thread, s64 result)
{
    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());

    if (thread &&
        counts_as_wait(&thread->header, result, only_sleeps(regs, thread->header.call_nr), regs->r8, regs->di) &&
        result)
        note_select_sets(thread, regs->si, regs->dx, regs->di);
    return 0;
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

// Only what most calls of most programs need is here; the rest is in functions of their own.
SEC("tp_btf/sys_exit")
int BPF_PROG(count_call, struct pt_regs *regs, long result)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct iotrace_thread_state *thread = state_of(task);
    struct iotrace_call_counter *call;
    struct iotrace_fd_counter *fd;
    u64 bytes_in = 0, bytes_out = 0;
    bool failed, loading = false;
    s32 number;
    u32 nr, asked, kind;

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
    kind = kind_of(nr);
    call = call_counter(thread, nr);
    failed = (unsigned long)result >= (unsigned long)-MAX_ERRNO;
    if (call) {
        call->count++;
        call->errors += failed;
    }
    thread->header.call_nr = nr;
    if (thread->header.flags & IOTRACE_THREAD_STARTUP)
        loading = in_startup(thread);
    if (thread->header.entered_ns)
        record_latency(thread, nr, result == -EAGAIN && kind != IOTRACE_KIND_NONE);
    if (kind == IOTRACE_KIND_NONE) {
        if (has_pending_sleep(thread))
            charge_call(thread, call, 0, trait_of(nr).cause);
        if (thread->header.pending_io)
            charge_call_devices(thread, 0);
        return 0;
    }
    if (kind != IOTRACE_KIND_READ && kind != IOTRACE_KIND_WRITE && kind != IOTRACE_KIND_FD_WAIT) {
        if (!failed && kind != IOTRACE_KIND_WAIT)
            thread->header.worked = 1;
        if (kind >= IOTRACE_KIND_SENDFILE && kind <= IOTRACE_KIND_TEE) {
            asked = call_flags(regs, trait_of(nr)) & MSG_DONTWAIT ? COUNT_NOT_TO_WAIT : 0;
            count_transfer(thread, call, result, ends_of_transfer(regs, kind), loading ? COUNT_WITHOUT_MODEL : asked);
        } else if (kind == IOTRACE_KIND_WAIT) {
            if (is_poll(nr))
                count_poll(thread, result, regs->di, (u32)regs->si, regs->dx);
            else
                count_select(thread, result);
            if (has_pending_sleep(thread) || thread->header.pending_io)
                settle_call(thread, call, -1, result, 0);
        } else if (kind == IOTRACE_KIND_FD || (kind >= IOTRACE_KIND_MMAP && kind <= IOTRACE_KIND_DUP)) {
            // No operation: there is something to count only when it slept.
            if (has_pending_sleep(thread) || thread->header.pending_io) {
                number = kind == IOTRACE_KIND_FD ? count_io(thread, result, loading) : -1;
                settle_call(thread, call, number, result, 0);
            }
            if (!failed && kind >= IOTRACE_KIND_OPEN)
                change_fds(thread, regs->di, regs->si, regs->r10, result);
            else if (!failed && kind != IOTRACE_KIND_FD)
                note_call(thread, result, loading);
        } else {
            number = count_io(thread, result, loading);
            settle_call(thread, call, number, result, thread->header.call_bytes);
            if (!failed && (kind == IOTRACE_KIND_ACCEPT || kind == IOTRACE_KIND_FCNTL))
                change_fds(thread, regs->di, regs->si, regs->r10, result);
            else if (!failed)
                note_call(thread, result, loading);
        }
        return 0;
    }

    number = regs->di;
    asked = call_flags(regs, trait_of(nr));
    fd = number >= 0 ? fd_counter(thread, number) : 0;
    if (!failed) {
        if (kind == IOTRACE_KIND_READ)
            bytes_in = result;
        else if (kind == IOTRACE_KIND_WRITE)
            bytes_out = result;
        if (call)
            call->bytes += bytes_in + bytes_out;
    }
    if (!failed || result == -EAGAIN) { // which is what polling looks like
        if (fd)
            add_operation(fd,
                          loading || kind == IOTRACE_KIND_FD_WAIT
                              ? IOTRACE_MODEL_NONE
                              : model_of(fd, asked & MSG_DONTWAIT, kind == IOTRACE_KIND_READ && slept_for_data(thread)),
                          failed, bytes_in, bytes_out);
        if (loading)
            count_startup(thread, bytes_in, bytes_out);
    }
    if (!failed) {
        if (kind == IOTRACE_KIND_FD_WAIT && config.models) {
            note_wait(&thread->header, kind, nr, 1, result);
            thread->header.totals.instant_waits += only_asks(&thread->header, regs->r10);
        } else {
            thread->header.worked = 1;
        }
    }
    account(thread, fd, asked & MSG_SPECIAL, kind, number, failed, bytes_in + bytes_out, bytes_in + bytes_out);
    if (has_pending_sleep(thread))
        charge_call(thread, call, fd, trait_of(nr).cause);
    return 0;
}
