// The scheduler: when a thread left the CPU and why, when it could run again, when it did.
#include "threads.bpf.h"

// The scheduler's own path from its last charge to the switch is far shorter than this.
#define SWITCH_LIMIT_NS 200000

static __always_inline void leave_cpu(struct iotrace_thread_state *thread, struct task_struct *task, bool preempt,
                                      u32 prev_state, u64 now)
{
    struct iotrace_thread_header *header = &thread->header;
    u64 charged, ran;

    // Until the first switch the base is up to a tick old, since the scheduler's counter lags while a thread runs.
    if (header->sched_state == IOTRACE_SCHED_RUNNING && header->on_cpu_at_switch_ns == header->on_cpu_base_ns)
        header->on_cpu_base_ns = header->on_cpu_at_switch_ns =
            task->se.sum_exec_runtime - elapsed(header->state_since_ns, now);
    // The on-CPU time is the scheduler's own, and its edges are not quite those of the switch. On an idle CPU it
    // charges a woken thread from the wake-up on, since its clock stands still until the switch
    // (rq_clock_skip_update()); and it stops charging before it looks for the next thread, which takes longest where
    // there is none. Both are microseconds, and without care the one would be counted twice and the other not at all:
    // the waits before and after take them up. A larger difference is time that the kernel took for interrupts or a
    // hypervisor for others; it stays, as the residual.
    ran = elapsed(header->state_since_ns, now);
    charged = task->se.sum_exec_runtime - header->on_cpu_at_switch_ns;
    if (header->sched_state == IOTRACE_SCHED_RUNNING) {
        if (charged > ran)
            header->totals.runqueue_ns -=
                charged - ran < header->last_runqueue_ns ? charged - ran : header->last_runqueue_ns;
        else if (ran - charged < SWITCH_LIMIT_NS)
            now -= ran - charged;
    }
    header->last_runqueue_ns = 0;
    note_place(header, task, prev_state);
    header->sched_state = preempt || !prev_state ? IOTRACE_SCHED_RUNNABLE : IOTRACE_SCHED_BLOCKED;
    header->state_since_ns = now;
}

static __always_inline void enter_cpu(struct iotrace_thread_state *thread, struct task_struct *task, u64 now)
{
    struct iotrace_thread_header *header = &thread->header;

    if (header->sched_state == IOTRACE_SCHED_BLOCKED) // its wake-up was not seen
        end_sleep(thread, now);
    else if (header->sched_state == IOTRACE_SCHED_RUNNABLE)
        end_runnable(thread, now);
    header->sched_state = IOTRACE_SCHED_RUNNING;
    header->state_since_ns = now;
    header->on_cpu_at_switch_ns = task->se.sum_exec_runtime;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(switch_threads, bool preempt, struct task_struct *prev, struct task_struct *next, unsigned int prev_state)
{
    struct iotrace_thread_state *thread = state_of(prev);
    u64 now = 0;

    if (thread && !(thread->header.flags & (IOTRACE_THREAD_EXITED | IOTRACE_THREAD_CLOSED))) {
        now = bpf_ktime_get_ns();
        leave_cpu(thread, prev, preempt, prev_state, now);
    }
    thread = state_of(next);
    if (thread && !(thread->header.flags & (IOTRACE_THREAD_EXITED | IOTRACE_THREAD_CLOSED)))
        enter_cpu(thread, next, now ?: bpf_ktime_get_ns());
    return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(wake_thread, struct task_struct *task)
{
    struct iotrace_thread_state *thread = state_of(task);
    u64 now;

    // A wake-up that comes before the thread has left the CPU ends no sleep.
    if (!thread || thread->header.sched_state != IOTRACE_SCHED_BLOCKED || thread->header.flags & IOTRACE_THREAD_CLOSED)
        return 0;
    now = bpf_ktime_get_ns();
    end_sleep(thread, now);
    thread->header.sched_state = IOTRACE_SCHED_RUNNABLE;
    thread->header.state_since_ns = now;
    return 0;
}
