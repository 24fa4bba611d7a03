// What Swift cannot import: functions that must run between fork and exec, macros, and Linux headers outside Glibc's
// module.
#ifndef CLINUXSHIMS_H
#define CLINUXSHIMS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/types.h>

/// A child that waits to be released before it calls exec.
struct gated_child {
    pid_t pid;
    int gate;   ///< write one byte to let the child exec; close it to make the child go away
    int result; ///< reads an errno (4 bytes) if exec failed, or end of file if it succeeded
};

/// Forks a child that waits on its gate and then calls execvp(argv[0], argv) with all signals unblocked and at their
/// defaults. Returns 0, or an errno.
int gated_spawn(char *const argv[], struct gated_child *child);

/// A child with its standard input and output on pipes.
struct piped_child {
    pid_t pid;
    int input;  ///< write here what it reads
    int output; ///< read here what it writes
};

/// Starts this program's own executable with `argv`. Returns 0, or an errno.
int spawn_self(char *const argv[], struct piped_child *child);

/// The type of the file system that holds `path`: statfs(2), f_type. Returns it, or -errno.
int64_t file_system_type(const char *path);

/// Runs a shell command with nothing to read and nowhere to write to. Returns its exit status, or -1.
int run_quietly(const char *command);

/// pidfd_open(2). Returns the fd, or -errno.
int open_pidfd(pid_t pid);

/// memfd_create(2): a file that nobody else can name, closed on exec. Returns the fd, or -errno.
int open_memory_file(const char *name);

/// perf_event_open(2): the CPU clock (PERF_COUNT_SW_CPU_CLOCK) of one CPU, `frequency` samples a second. Returns the
/// fd, or -errno.
int open_cpu_clock(int cpu, uint64_t frequency);

/// Nanoseconds that a system call of the calling thread takes which does next to nothing, getppid(2): the least of some
/// batches of calls, half a millisecond in all.
double time_of_own_call(void);

/// Waits until every program that was running when this was called has finished: membarrier(2) with
/// MEMBARRIER_CMD_GLOBAL is synchronize_rcu() (kernel/sched/membarrier.c), and tracepoint programs run inside RCU
/// read-side critical sections. Returns 0, or -errno.
int wait_for_running_programs(void);

/// Blocks `signals` (count of them) in this thread and returns a signalfd for them, or -errno.
int take_signals(const int *signals, size_t count);

/// Columns that a code point takes on a terminal: 0, 1 or 2; -1 for control characters. wcwidth(3) in a UTF-8 locale.
int columns_of(uint32_t code_point);

/// Formats as vprintf(3) does, for C callbacks that hand over a va_list. Of a text that does not fit, `buffer` gets the
/// end, since that is where a verifier's log says what is wrong.
int format_message(char *buffer, size_t size, const char *format, __builtin_va_list arguments);

/// waitpid(2) status macros.
int status_exited(int status);
int status_stopped(int status);
int status_code(int status);
int status_signal(int status);

/// Gives memory that has been freed, in the arenas of all threads, back to the system. malloc_trim(3)
void return_freed_memory(void);

/// From now on blocks of 256 KiB and more go back to the kernel when they are freed, instead of when the C library
/// thinks that they will not be asked for again, which it does after the first few less and less: mallopt(3),
/// M_MMAP_THRESHOLD.
void return_large_blocks(void);

#endif
