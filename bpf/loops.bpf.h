// Event loops: threads that wait for readiness again and again, what wakes them, and what else they sleep in.
#pragma once

#include "files.bpf.h"
#include "waits.bpf.h"

// A thread that has waited for readiness this often runs an event loop. What it slept in before, such as a first
// blocking accept, is set-up.
#define LOOP_WAITS 8

// A wait for readiness that has returned without an error. `nfds` is the set's size for poll, the first argument of
// select, and above 0 for epoll. Without fds poll and select are used to sleep.
static __always_inline void note_wait(struct iotrace_thread_header *header, u32 kind, u32 nr, u64 nfds, u64 ready)
{
    if (!nfds)
        return;
    if (kind == IOTRACE_KIND_WAIT) {
        if (is_poll(nr))
            header->totals.poll_fds += nfds;
        else
            header->totals.select_fds += nfds;
    }
    header->loop_waits++;
    if (header->woken && !header->worked)
        header->totals.idle_wakeups++;
    header->woken = ready != 0;
    header->worked = 0;
    if (ready)
        header->totals.wakeups++;
}

static __always_inline bool moves_bytes(u32 kind)
{
    return kind >= IOTRACE_KIND_READ && kind <= IOTRACE_KIND_VMSPLICE;
}

// A call that slept, in a thread that runs an event loop. What it waits for by design, a readiness, is no such call.
static __always_inline void charge_loop(struct iotrace_thread_header *header, struct iotrace_fd_counter *fd, u32 kind,
                                        u64 blocked)
{
    if (header->loop_waits < LOOP_WAITS || !fd || !blocked)
        return;
    if (kind == IOTRACE_KIND_SYNC) {
        header->totals.loop_sync_calls++;
        header->totals.loop_sync_ns += blocked;
    } else if (moves_bytes(kind) && (fd->type == IOTRACE_FILE_REGULAR || fd->type == IOTRACE_FILE_BLOCK)) {
        header->totals.loop_file_calls++;
        header->totals.loop_file_ns += blocked;
    } else if (kind == IOTRACE_KIND_ADDRESS ||
               (fd->model == IOTRACE_MODEL_BLOCKING && (moves_bytes(kind) || kind == IOTRACE_KIND_ACCEPT))) {
        header->totals.loop_blocking_calls++;
        header->totals.loop_blocking_ns += blocked;
    }
}
