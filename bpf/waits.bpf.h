// What a wait for readiness waits for, and whether it waits at all.
#pragma once

#include "maps.bpf.h"

#define NR_POLL 7
#define NR_PPOLL 271
#define NR_EPOLL_PWAIT2 441

static __always_inline bool is_poll(u32 nr)
{
    return nr == NR_POLL || nr == NR_PPOLL;
}

// poll and select without fds are used to sleep. At the exit of select its sets have been overwritten, so that sets
// without a bit are not told from those in which nothing was ready.
static __always_inline bool only_sleeps(struct pt_regs *regs, u32 nr)
{
    if (is_poll(nr))
        return !(u32)regs->si;
    return !(s32)regs->di || !(regs->si | regs->dx | regs->r10);
}

// A struct timespec or timeval that is zero. The kernel leaves in it what of the time was left, so one that ran out is
// zero too: a call that slept had time.
__noinline int is_no_time(u64 address)
{
    u64 time[2];

    return address && !bpf_probe_read_user(time, sizeof(time), (void *)address) && !(time[0] | time[1]);
}

// A wait with a timeout of 0: it asks, and does not wait. `timeout`: that argument of the call.
static __always_inline bool only_asks(struct iotrace_thread_header *header, u64 timeout)
{
    u32 nr = header->call_nr;

    if (header->pending_sleeps)
        return false;
    if (nr == NR_POLL || (kind_of(nr) == IOTRACE_KIND_FD_WAIT && nr != NR_EPOLL_PWAIT2))
        return !(s32)timeout;
    return is_no_time(timeout);
}
