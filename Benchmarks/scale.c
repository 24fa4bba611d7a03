// Many of everything: threads, open files, short-lived processes.
//
// Reads tasks from standard input and answers each with a line of numbers; ends with its input.
//
//   threads N     starts N threads, which sleep                     → nanoseconds
//   go CALLS      each thread makes so many calls of read()         → calls, nanoseconds of CPU time in them
//   files N       opens N files                                     → nanoseconds
//   read MS       reads from one after the other for so long        → calls, nanoseconds
//   children N    runs N children, one after the other              → nanoseconds
//   processes N   starts N children that read and sleep by turns    → nanoseconds
//
// Static, so that a child makes exactly the calls that are written here.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BYTES = 64, STACK = 16384 + 4096, CALLS_OF_CHILD = 10 };

static int zero;
static uint32_t generation, at_work;
static long thread_count, file_count, calls_each;
static uint64_t cpu_time;
static int *files;

static void fail(const char *attempted)
{
    printf("failed: %s: %s\n", attempted, strerror(errno));
    exit(1);
}

static uint64_t now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void wait_while(uint32_t *word, uint32_t value)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL);
}

static void read_from(int fd)
{
    char buffer[BYTES];

    if (read(fd, buffer, BYTES) != BYTES)
        fail("read");
}

static void leave_work(void)
{
    if (__atomic_sub_fetch(&at_work, 1, __ATOMIC_ACQ_REL) == 0)
        syscall(SYS_futex, &at_work, FUTEX_WAKE_PRIVATE, 1);
}

static void *thread(void *unused)
{
    leave_work();
    for (uint32_t seen = 0;; seen++) {
        uint64_t started;

        wait_while(&generation, seen);
        started = now(CLOCK_THREAD_CPUTIME_ID);
        for (long call = 0; call < calls_each; call++)
            read_from(zero);
        __atomic_add_fetch(&cpu_time, now(CLOCK_THREAD_CPUTIME_ID) - started, __ATOMIC_RELAXED);
        leave_work();
    }
    return unused;
}

static void wait_for_all(void)
{
    for (uint32_t left; (left = __atomic_load_n(&at_work, __ATOMIC_ACQUIRE)) != 0;)
        syscall(SYS_futex, &at_work, FUTEX_WAIT_PRIVATE, left, NULL);
}

static void start_threads(long count)
{
    uint64_t started = now(CLOCK_MONOTONIC);
    // One mapping for all stacks: there may be too many threads for one each.
    char *stacks =
        mmap(NULL, count * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    pthread_attr_t attributes;

    if (stacks == MAP_FAILED)
        fail("mapping stacks");
    pthread_attr_init(&attributes);
    at_work = thread_count = count;
    for (long number = 0; number < count; number++) {
        pthread_t started_thread;

        pthread_attr_setstack(&attributes, stacks + number * STACK, STACK);
        if ((errno = pthread_create(&started_thread, &attributes, thread, NULL)))
            fail("starting a thread");
    }
    wait_for_all();
    printf("%llu\n", (unsigned long long)(now(CLOCK_MONOTONIC) - started));
}

static void go(long calls)
{
    calls_each = calls;
    cpu_time = 0;
    __atomic_store_n(&at_work, thread_count, __ATOMIC_RELEASE);
    __atomic_add_fetch(&generation, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &generation, FUTEX_WAKE_PRIVATE, INT32_MAX);
    wait_for_all();
    printf("%ld %llu\n", calls * thread_count, (unsigned long long)cpu_time);
}

static void open_files(long count)
{
    uint64_t started = now(CLOCK_MONOTONIC);
    struct rlimit limit = {count + 64, count + 64};

    if (setrlimit(RLIMIT_NOFILE, &limit))
        fail("raising RLIMIT_NOFILE");
    files = malloc(count * sizeof(*files));
    for (file_count = 0; file_count < count; file_count++)
        if ((files[file_count] = open("/dev/zero", O_RDONLY | O_CLOEXEC)) < 0)
            fail("opening a file");
    printf("%llu\n", (unsigned long long)(now(CLOCK_MONOTONIC) - started));
}

static void read_files(long milliseconds)
{
    uint64_t started = now(CLOCK_MONOTONIC), elapsed, calls = 0;

    do {
        for (long turn = 0; turn < 128; turn++)
            read_from(files[calls++ % file_count]);
        elapsed = now(CLOCK_MONOTONIC) - started;
    } while (elapsed < milliseconds * 1000000ull);
    printf("%llu %llu\n", (unsigned long long)calls, (unsigned long long)elapsed);
}

static void run_children(long count)
{
    uint64_t started = now(CLOCK_MONOTONIC);

    for (long number = 0; number < count; number++) {
        pid_t child = vfork();
        int status;

        if (child == 0) {
            execl("/proc/self/exe", "scale", "child", NULL);
            _exit(127);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status)
            fail("running a child");
    }
    printf("%llu\n", (unsigned long long)(now(CLOCK_MONOTONIC) - started));
}

static void start_processes(long count)
{
    struct timespec pause = {.tv_nsec = 10000000};
    uint64_t started = now(CLOCK_MONOTONIC);
    pid_t parent = getpid();

    for (long number = 0; number < count; number++) {
        pid_t child = fork();

        if (child < 0)
            fail("fork");
        if (child)
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) // it ended before it could be asked for
            _exit(0);
        for (;;) {
            for (int call = 0; call < CALLS_OF_CHILD; call++)
                read_from(zero);
            nanosleep(&pause, NULL);
        }
    }
    printf("%llu\n", (unsigned long long)(now(CLOCK_MONOTONIC) - started));
}

int main(int argc, char **argv)
{
    char line[64];

    if (argc > 1 && !strcmp(argv[1], "child")) {
        for (int call = 0; call < CALLS_OF_CHILD; call++)
            syscall(SYS_getppid);
        _exit(0);
    }
    zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (zero < 0)
        fail("opening /dev/zero");
    setlinebuf(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        char task[32];
        long number;

        if (sscanf(line, "%31s %ld", task, &number) != 2)
            return 2;
        if (!strcmp(task, "threads"))
            start_threads(number);
        else if (!strcmp(task, "go"))
            go(number);
        else if (!strcmp(task, "files"))
            open_files(number);
        else if (!strcmp(task, "read"))
            read_files(number);
        else if (!strcmp(task, "children"))
            run_children(number);
        else if (!strcmp(task, "processes"))
            start_processes(number);
    }
    // Not exit(): all threads end together.
    _exit(0);
}
