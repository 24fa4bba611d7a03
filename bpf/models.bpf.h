// The wait model of each operation: who tells the program when to call, by the fd's state at that moment.
#pragma once

#include "files.bpf.h"
#include "ledger.bpf.h"

#define O_NONBLOCK 04000
#define FASYNC 020000
#define MSG_DONTWAIT 0x40
#define RWF_NOWAIT 8
#define SPLICE_F_NONBLOCK 2

#define TRAIT_HAS_FLAGS                                                                                                \
    (IOTRACE_TRAIT_MSG_FLAGS_THIRD | IOTRACE_TRAIT_MSG_FLAGS_FOURTH | IOTRACE_TRAIT_NOWAIT_FOURTH |                    \
     IOTRACE_TRAIT_NOWAIT_SIXTH)

// The flags of a call that matter here, as MSG_ flags: whether it asks not to wait, whatever the fd is set to, and what
// makes it more than a plain copy.
static __always_inline u32 call_flags(struct pt_regs *regs, struct iotrace_trait trait)
{
    if (!(trait.flags & TRAIT_HAS_FLAGS))
        return 0;
    if (trait.flags & IOTRACE_TRAIT_MSG_FLAGS_THIRD)
        return regs->dx & (MSG_SPECIAL | MSG_DONTWAIT);
    if (trait.flags & IOTRACE_TRAIT_MSG_FLAGS_FOURTH)
        return regs->r10 & (MSG_SPECIAL | MSG_DONTWAIT);
    if (trait.flags & IOTRACE_TRAIT_NOWAIT_FOURTH)
        return regs->r10 & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0;
    return regs->r9 & (trait.kind == IOTRACE_KIND_SPLICE ? SPLICE_F_NONBLOCK : RWF_NOWAIT) ? MSG_DONTWAIT : 0;
}

// Asleep in the call that is returning, for something else than a device.
static __always_inline bool slept_for_data(struct iotrace_thread_state *thread)
{
    return thread->header.pending_blocked_ns > thread->header.pending_disk_ns;
}

// `waited`: it received, and slept for that, so nobody had told it that there was something.
static __always_inline u8 model_of(struct iotrace_fd_counter *fd, bool not_to_wait, bool waited)
{
    // O_NONBLOCK changes nothing for a regular file: nginx opens those that it sends with it. open(2), BUGS.
    bool ignored = fd->type == IOTRACE_FILE_REGULAR || fd->type == IOTRACE_FILE_DIRECTORY;
    bool blocking = !not_to_wait && (ignored || !(fd->f_flags & O_NONBLOCK));

    if (!config.models)
        return IOTRACE_MODEL_NONE;
    if (blocking && waited)
        return IOTRACE_MODEL_BLOCKING;
    if (fd->watched & IOTRACE_WATCHED_EPOLL)
        return IOTRACE_MODEL_EPOLL + blocking;
    if (fd->watched & IOTRACE_WATCHED_POLL)
        return IOTRACE_MODEL_POLL + blocking;
    if (fd->watched & IOTRACE_WATCHED_SELECT)
        return IOTRACE_MODEL_SELECT + blocking;
    if (fd->f_flags & FASYNC)
        return IOTRACE_MODEL_SIGNAL + blocking;
    return blocking ? IOTRACE_MODEL_BLOCKING : IOTRACE_MODEL_NONBLOCKING;
}

// A cache slot counts for one model at a time. An fd seldom changes its model, so this seldom does anything.
static __always_inline void set_model(struct iotrace_fd_counter *fd, u8 model)
{
    if (fd->model == model && fd->operations < 1u << 31)
        return;
    if (fd->operations)
        flush_fd(fd);
    fd->model = model;
}

static __always_inline void count_async(struct iotrace_file_record *record, u32 model, u64 bytes)
{
    if (!record || model >= IOTRACE_MODELS)
        return;
    __sync_fetch_and_add(&record->models[model].operations, 1);
    __sync_fetch_and_add(&record->models[model].bytes, bytes);
}

// The record of the latest duplicate of an open file: what a poll tells of one fd holds for the others, too.
static __always_inline struct iotrace_file_record *latest_duplicate(struct iotrace_file_record *record)
{
    struct iotrace_open_file_key key = {.process_id = record->process_id, .file = record->file};

    return known_duplicate(&key, record->inode);
}

static __always_inline u8 polled_by_any_fd(struct iotrace_file_record *record)
{
    struct iotrace_file_record *latest = latest_duplicate(record);

    return record->polled | (latest ? latest->polled : 0);
}

static __always_inline void watch_record(u64 process_id, struct iotrace_file_record *record, u32 how)
{
    if (!record || record->polled & how)
        return;
    record->polled |= how;
    fd_changed(process_id, record->fd);
}

// A call on the fd has slept for data, so it was not told by a poll: it is not watched until one has it again.
__noinline int forget_watched(u64 process_id, struct iotrace_fd_counter *counter)
{
    struct iotrace_file_record *record, *latest;
    u64 file_id;

    if (!counter)
        return 0;
    file_id = counter->file_id;
    record = bpf_map_lookup_elem(&files, &file_id);
    if (record) {
        record->polled = 0;
        latest = latest_duplicate(record);
        if (latest)
            latest->polled = 0;
    }
    counter->watched &= IOTRACE_WATCHED_EPOLL;
    // The sets that have it are other ones now, so the next poll goes through them again.
    fd_changed(process_id, counter->fd);
    counter->generation = fd_generation(process_id, counter->fd);
    return 0;
}

// Remembers that an fd is in a set of poll or select. Threads that have it in their cache look at the record again.
__noinline int note_watched(struct iotrace_thread_state *thread, s32 fd, u32 how)
{
    struct iotrace_fd_counter *counter;
    struct iotrace_file_record *record;
    u64 process_id, file;

    if (!thread)
        return 0;
    process_id = thread->header.process_id;
    counter = &thread->fds[(u32)fd % IOTRACE_FD_SLOTS];
    if (counter->fd == fd && counter->watched & how && counter->generation == fd_generation(process_id, fd))
        return 0; // known already
    file = file_of_fd(fd);
    if (!file)
        return 0;
    record = file_record(file_id_of(process_id, fd, file, SCRATCH_TRACEPOINT));
    if (!record)
        return 0;
    watch_record(process_id, record, how);
    watch_record(process_id, latest_duplicate(record), how);
    return 0;
}

#define POLLED_FDS 1024
#define POLLFD_BYTES 8

// The fd of one entry of a poll set; -1 when there is none.
__noinline int polled_fd(u64 address)
{
    s32 fd;
    return bpf_probe_read_user(&fd, sizeof(fd), (void *)address) ? -1 : fd;
}

struct poll_set {
    struct iotrace_thread_state *thread;
    u64 fds;
    u64 number;
};

// A new file behind an old fd makes it another set.
static __always_inline u64 with_polled(u64 number, u64 process_id, s32 fd)
{
    return ((number ^ (u32)fd) * SPREAD ^ fd_generation(process_id, fd)) * SPREAD;
}

static long add_to_number(u32 index, struct poll_set *set)
{
    s32 fd = polled_fd(set->fds + index * POLLFD_BYTES);

    set->number = with_polled(set->number, set->thread->header.process_id, fd);
    return 0;
}

// Most sets have a few fds, and are read at once.
#define SMALL_SET 4

// A number for what a set of poll consists of.
__noinline u64 poll_set_number(struct iotrace_thread_state *thread, u64 fds, u64 count)
{
    struct poll_set set = {.thread = thread, .fds = fds, .number = count};
    u64 entries[SMALL_SET];
    u32 bytes = count * POLLFD_BYTES;

    if (!thread)
        return 0;
    if (count > SMALL_SET) {
        bpf_loop(count, add_to_number, &set, 0);
        return set.number;
    }
    if (bytes > sizeof(entries) || bpf_probe_read_user(entries, bytes, (void *)fds))
        return 0;
    for (u32 i = 0; i < SMALL_SET && i < count; i++)
        set.number = with_polled(set.number, thread->header.process_id, entries[i]);
    return set.number;
}

static long watch_entry(u32 index, struct poll_set *set)
{
    s32 fd = polled_fd(set->fds + index * POLLFD_BYTES);

    if (fd >= 0)
        note_watched(set->thread, fd, IOTRACE_WATCHED_POLL);
    return 0;
}

__noinline int watch_poll_set(struct iotrace_thread_state *thread, u64 fds, u64 count)
{
    struct poll_set set = {.thread = thread, .fds = fds};

    if (thread)
        bpf_loop(count, watch_entry, &set, 0);
    return 0;
}

// After poll or ppoll. Most programs pass the same set again and again: it is gone through only when it has changed.
static __always_inline void note_poll_set(struct iotrace_thread_state *thread, u64 fds, u64 count)
{
    u64 number;

    if (count > POLLED_FDS)
        count = POLLED_FDS;
    number = poll_set_number(thread, fds, count);
    if (number == thread->header.poll_set)
        return;
    thread->header.poll_set = number;
    watch_poll_set(thread, fds, count);
}

#define SELECT_FDS 1024

struct select_walk {
    struct iotrace_thread_state *thread;
    u64 readable, writable; // addresses of the sets, or 0
    u64 number;
    u64 word; // what is left of the word of both sets at which the walk is
};

static __always_inline u64 select_word(u64 set, u32 index)
{
    u64 word = 0;

    if (set)
        bpf_probe_read_user(&word, sizeof(word), (void *)(set + index * 8));
    return word;
}

static long add_select_word(u32 index, struct select_walk *walk)
{
    walk->number = (walk->number * 31 + select_word(walk->readable, index)) * 31 + select_word(walk->writable, index);
    return 0;
}

// A number for the fds that are ready. Opening or closing anything makes it another one.
__noinline u64 select_number(u64 process_id, u64 readable, u64 writable, u64 count)
{
    struct select_walk walk = {.readable = readable, .writable = writable};

    walk.number = fd_generation(process_id, ANY_FD);
    if (count <= 64)
        add_select_word(0, &walk);
    else
        bpf_loop((count + 63) / 64, add_select_word, &walk, 0);
    return walk.number;
}

static long watch_selected(u32 fd, struct select_walk *walk)
{
    if (fd % 64 == 0)
        walk->word = select_word(walk->readable, fd / 64) | select_word(walk->writable, fd / 64);
    if (walk->word & 1)
        note_watched(walk->thread, fd, IOTRACE_WATCHED_SELECT);
    walk->word >>= 1;
    return 0;
}

__noinline int watch_select_sets(struct iotrace_thread_state *thread, u64 readable, u64 writable, u64 count)
{
    struct select_walk walk = {.thread = thread, .readable = readable, .writable = writable};

    if (thread)
        bpf_loop(count, watch_selected, &walk, 0);
    return 0;
}

// After select or pselect6: the sets have only the fds that are ready, which are those that will be used next. The same
// ones again, in a process that has opened and closed nothing, are known.
static __always_inline void note_select_sets(struct iotrace_thread_state *thread, u64 readable, u64 writable, u64 count)
{
    u64 number;

    if (count > SELECT_FDS)
        count = SELECT_FDS;
    number = select_number(thread->header.process_id, readable, writable, count);
    if (number == thread->header.poll_set)
        return;
    watch_select_sets(thread, readable, writable, count);
    thread->header.poll_set = number;
}

#define EPOLL_CTL_DEL 2

// After epoll_ctl: how the fd is watched. struct epoll_event begins with the events.
__noinline int note_registration(struct iotrace_thread_state *thread, u64 operation, s32 fd, u64 event)
{
    struct iotrace_file_record *record;
    u64 file;
    u32 events;

    if (!thread || operation == EPOLL_CTL_DEL)
        return 0;
    file = file_of_fd(fd);
    if (!file || bpf_probe_read_user(&events, sizeof(events), (void *)event))
        return 0;
    record = file_record(file_id_of(thread->header.process_id, fd, file, SCRATCH_TRACEPOINT));
    if (record)
        record->epoll_events = events;
    return 0;
}
