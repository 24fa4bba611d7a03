#define _GNU_SOURCE
#include "CLinuxShims.h"

#include <malloc.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <linux/perf_event.h>
#include <locale.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

int gated_spawn(char *const argv[], struct gated_child *child)
{
    int gate[2], result[2];
    pid_t pid;

    if (pipe2(gate, O_CLOEXEC))
        return errno;
    if (pipe2(result, O_CLOEXEC)) {
        int failure = errno;
        close(gate[0]);
        close(gate[1]);
        return failure;
    }
    pid = fork();
    if (pid < 0) {
        int failure = errno;
        close(gate[0]);
        close(gate[1]);
        close(result[0]);
        close(result[1]);
        return failure;
    }
    if (pid == 0) { // only async-signal-safe calls from here on
        sigset_t none;
        char byte;
        int failure;
        ssize_t got;

        close(gate[1]);
        close(result[0]);
        for (int number = 1; number < NSIG; number++)
            if (number != SIGKILL && number != SIGSTOP)
                signal(number, SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        do
            got = read(gate[0], &byte, 1);
        while (got < 0 && errno == EINTR);
        if (got != 1)
            _exit(125); // the tracer went away
        execvp(argv[0], argv);
        failure = errno;
        got = write(result[1], &failure, sizeof(failure));
        _exit(failure == ENOENT ? 127 : 126);
    }
    close(gate[0]);
    close(result[1]);
    child->pid = pid;
    child->gate = gate[1];
    child->result = result[0];
    return 0;
}

int spawn_self(char *const argv[], struct piped_child *child)
{
    extern char **environ;
    posix_spawn_file_actions_t actions;
    int input[2], output[2], failure;

    if (pipe2(input, O_CLOEXEC))
        return errno;
    if (pipe2(output, O_CLOEXEC)) {
        failure = errno;
        close(input[0]);
        close(input[1]);
        return failure;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    failure = posix_spawn(&child->pid, "/proc/self/exe", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(input[0]);
    close(output[1]);
    if (failure) {
        close(input[1]);
        close(output[0]);
        return failure;
    }
    child->input = input[1];
    child->output = output[0];
    return 0;
}

int64_t file_system_type(const char *path)
{
    struct statfs information;

    return statfs(path, &information) ? -errno : (int64_t)information.f_type;
}

int run_quietly(const char *command)
{
    extern char **environ;
    char *const argv[] = {"sh", "-c", (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    int status, failure;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    failure = posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failure)
        return -1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int open_pidfd(pid_t pid)
{
    int fd = syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : fd;
}

int open_memory_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int open_cpu_clock(int cpu, uint64_t frequency)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(attributes),
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_freq = frequency,
        .freq = 1,
    };
    int fd = syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

double time_of_own_call(void)
{
    enum { BATCHES = 24, CALLS = 100 };
    double least = 0;

    for (int batch = 0; batch < BATCHES; batch++) {
        struct timespec before, after;
        double taken;

        clock_gettime(CLOCK_MONOTONIC, &before);
        for (int call = 0; call < CALLS; call++)
            getppid();
        clock_gettime(CLOCK_MONOTONIC, &after);
        taken = (after.tv_sec - before.tv_sec) * 1e9 + (after.tv_nsec - before.tv_nsec);
        if (!batch || taken < least)
            least = taken;
    }
    return least / CALLS;
}

int wait_for_running_programs(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) ? -errno : 0;
}

int take_signals(const int *signals, size_t count)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return -errno;
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int columns_of(uint32_t code_point)
{
    static locale_t utf8; // newlocale is thread-safe, and a second one made in a race is harmless
    locale_t before;
    int columns;

    if (!utf8)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!utf8)
        return code_point < 32 || code_point == 127 ? -1 : 1;
    before = uselocale(utf8);
    columns = wcwidth((wchar_t)code_point);
    uselocale(before);
    return columns;
}

int format_message(char *buffer, size_t size, const char *format, va_list arguments)
{
    char *text;
    int length = vasprintf(&text, format, arguments);
    size_t skip;

    if (length < 0)
        return length;
    skip = (size_t)length < size ? 0 : (size_t)length - size + 1;
    memcpy(buffer, text + skip, (size_t)length - skip + 1);
    free(text);
    return length;
}

int status_exited(int status)
{
    return WIFEXITED(status);
}

int status_stopped(int status)
{
    return WIFSTOPPED(status);
}

int status_code(int status)
{
    return WEXITSTATUS(status);
}

int status_signal(int status)
{
    return WTERMSIG(status);
}

void return_freed_memory(void)
{
    malloc_trim(0);
}

void return_large_blocks(void)
{
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
}
