// The loops of the overhead benchmark: system calls that do as little as they can, so that what a tracer adds stands
// out.
//
// micro CPU
//
// Pins itself to a CPU, then reads "LOOP MILLISECONDS" lines from standard input, runs each loop for that long, and
// answers "LOOP CALLS NANOSECONDS". A tracer is attached while it waits for a line. It ends with its input.
//
// A loop runs for a time, not for a number of calls: then it is as fair to a tracer that adds 50 ns as to one that adds
// 50 us, and a loop of a second has one whole period of a tracer that samples once a second.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

// Turns between two looks at the clock. The clock is read in user space (vDSO), and its cost is in every mode alike.
enum { TURNS = 128, BYTES = 64 };

static char buffer[BYTES];
static int zero, null, page, channel[2], sockets[2], epoll, to_child[2], from_child[2];
static uint32_t word;

static void fail(const char *attempted)
{
    fprintf(stderr, "micro: %s: %s\n", attempted, strerror(errno));
    exit(1);
}

static void expect(long result, long expected, const char *attempted)
{
    if (result != expected)
        fail(attempted);
}

static void call_getppid(void)
{
    syscall(SYS_getppid);
}

static void read_zero(void)
{
    expect(read(zero, buffer, BYTES), BYTES, "read /dev/zero");
}

static void write_null(void)
{
    expect(write(null, buffer, BYTES), BYTES, "write /dev/null");
}

static void send_file(void)
{
    off_t start = 0;

    expect(sendfile(null, page, &start, 4096), 4096, "sendfile");
}

static void through_pipe(void)
{
    expect(write(channel[1], buffer, BYTES), BYTES, "write pipe");
    expect(read(channel[0], buffer, BYTES), BYTES, "read pipe");
}

static void through_socketpair(void)
{
    expect(write(sockets[1], buffer, BYTES), BYTES, "write socketpair");
    expect(read(sockets[0], buffer, BYTES), BYTES, "read socketpair");
}

static void wait_ready(void)
{
    struct epoll_event event;

    expect(epoll_wait(epoll, &event, 1, 0), 1, "epoll_wait");
}

static void wake_nobody(void)
{
    expect(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1), 0, "futex");
}

static void ping(void)
{
    expect(write(to_child[1], buffer, 1), 1, "write to the child");
    expect(read(from_child[0], buffer, 1), 1, "read from the child");
}

static pid_t start_child(void)
{
    pid_t pid;

    if (pipe2(to_child, O_CLOEXEC) || pipe2(from_child, O_CLOEXEC))
        fail("pipe");
    pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        close(to_child[1]);
        close(from_child[0]);
        while (read(to_child[0], buffer, 1) == 1)
            if (write(from_child[1], buffer, 1) != 1)
                break;
        _exit(0);
    }
    close(to_child[0]);
    close(from_child[1]);
    return pid;
}

static void end_child(pid_t pid)
{
    close(to_child[1]);
    close(from_child[0]);
    waitpid(pid, NULL, 0);
}

static const struct loop {
    const char *name;
    void (*turn)(void);
    int calls; // per turn, of all processes
    int has_child;
} loops[] = {
    {"getppid", call_getppid, 1, 0},          {"read /dev/zero", read_zero, 1, 0},
    {"write /dev/null", write_null, 1, 0}, {"sendfile", send_file, 1, 0},    {"pipe", through_pipe, 2, 0},
    {"socketpair", through_socketpair, 2, 0}, {"epoll_wait", wait_ready, 1, 0},
    {"futex wake", wake_nobody, 1, 0},        {"ping-pong", ping, 4, 1},
};

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/// Nanoseconds that at least `nanoseconds` of turns took; adds the turns to `turns`.
static uint64_t run(const struct loop *loop, uint64_t nanoseconds, uint64_t *turns)
{
    uint64_t start = now(), elapsed;

    do {
        for (int turn = 0; turn < TURNS; turn++)
            loop->turn();
        *turns += TURNS;
        elapsed = now() - start;
    } while (elapsed < nanoseconds);
    return elapsed;
}

static void measure(const struct loop *loop, uint64_t milliseconds)
{
    uint64_t turns = 0, warm_up = 0, elapsed;
    pid_t child = loop->has_child ? start_child() : 0;

    // What a tracer sets up at the first call of a kind is not what this measures.
    run(loop, 10000000, &warm_up);
    elapsed = run(loop, milliseconds * 1000000, &turns);
    if (child)
        end_child(child);
    printf("%s\t%llu\t%llu\n", loop->name, (unsigned long long)(turns * loop->calls), (unsigned long long)elapsed);
}

static void set_up(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int ready = eventfd(1, EFD_CLOEXEC);

    zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    page = memfd_create("page", MFD_CLOEXEC);
    if (page < 0 || ftruncate(page, 4096) || pwrite(page, "x", 1, 0) != 1)
        fail("making a file of a page");
    if (ready < 0 || zero < 0 || null < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, ready, &event))
        fail("opening what the loops use");
    if (pipe2(channel, O_CLOEXEC) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
        fail("making a pipe and a socket pair");
}

int main(int argc, char **argv)
{
    char line[256];
    cpu_set_t cpus;

    if (argc != 2) {
        fprintf(stderr, "usage: micro CPU\n");
        return 2;
    }
    CPU_ZERO(&cpus);
    CPU_SET(atoi(argv[1]), &cpus);
    if (sched_setaffinity(0, sizeof(cpus), &cpus))
        fail("pinning to the CPU");
    setlinebuf(stdout);
    set_up();
    while (fgets(line, sizeof(line), stdin)) {
        char *name = strtok(line, "\t");
        char *milliseconds = strtok(NULL, "\n");

        for (size_t index = 0; milliseconds && index < sizeof(loops) / sizeof(*loops); index++)
            if (!strcmp(name, loops[index].name))
                measure(&loops[index], strtoull(milliseconds, NULL, 10));
    }
    return 0;
}
