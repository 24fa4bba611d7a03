// Signals that say an fd is ready: what F_SETOWN and O_ASYNC ask for. fs/fcntl.c: send_sigio_to_task()
#include "threads.bpf.h"

#define SIGILL 4
#define SIGTRAP 5
#define SIGBUS 7
#define SIGFPE 8
#define SIGSEGV 11
#define SIGCHLD 17
#define SIGIO 29
#define SIGSYS 31

#define TRACE_SIGNAL_DELIVERED 0
#define TRACE_SIGNAL_ALREADY_PENDING 2

#define POLL_IN 1
#define POLL_HUP 6
#define SI_KERNEL 0x80

// SIGIO from the kernel, or a signal that F_SETSIG chose, which carries one of the POLL_ codes; these are small numbers
// that mean something else for the signals that have codes of their own.
static __always_inline bool tells_readiness(int signal, struct kernel_siginfo *information)
{
    u64 address = (u64)information;
    int code =
        SI_KERNEL; // 0 and 1 stand for signals without information; 1 is the kernel's. include/linux/sched/signal.h

    if (address == 0)
        return false;
    if (address > 1)
        code = BPF_CORE_READ(information, si_code);
    switch (signal) {
    case SIGIO:
        return code == SI_KERNEL || (code >= POLL_IN && code <= POLL_HUP);
    case SIGILL:
    case SIGTRAP:
    case SIGBUS:
    case SIGFPE:
    case SIGSEGV:
    case SIGCHLD:
    case SIGSYS:
        return false;
    default:
        return code >= POLL_IN && code <= POLL_HUP;
    }
}

// Runs in whoever made the fd ready.
SEC("tp_btf/signal_generate")
int BPF_PROG(count_signal, int signal, struct kernel_siginfo *information, struct task_struct *task, int group,
             int result)
{
    struct iotrace_thread_state *thread = state_of(task);

    if (!thread || thread->header.flags & IOTRACE_THREAD_INACTIVE || !tells_readiness(signal, information))
        return 0;
    thread->header.sampled_since_ns = 0; // it may sleep on, with the signal blocked
    // Fds become ready on any CPU.
    if (result == TRACE_SIGNAL_DELIVERED || result == TRACE_SIGNAL_ALREADY_PENDING)
        __sync_fetch_and_add(&thread->header.totals.signals_sent, 1);
    if (result == TRACE_SIGNAL_ALREADY_PENDING)
        __sync_fetch_and_add(&thread->header.totals.signals_merged, 1);
    return 0;
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(count_handled_signal, int signal, struct kernel_siginfo *information)
{
    struct iotrace_thread_state *thread = state_of(bpf_get_current_task_btf());

    if (thread && !(thread->header.flags & IOTRACE_THREAD_INACTIVE) && tells_readiness(signal, information))
        thread->header.totals.signals_handled++;
    return 0;
}
