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
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Turns between two looks at the clock. The clock is read in user space (vDSO), and its cost is in every mode alike.
enum { TURNS = 128, BYTES = 64, BATCH = 32 };

static char buffer[BYTES];
static int zero, null, page, ready, channel[2], sockets[2], epoll, to_child[2], from_child[2];
static uint32_t word;

// Calls of a turn, of all threads and processes; io_uring's requests count as calls.
static uint64_t calls;

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

static void poll_ready(void)
{
    struct pollfd watched = {.fd = ready, .events = POLLIN};

    expect(poll(&watched, 1, 0), 1, "poll");
}

static void select_ready(void)
{
    struct timeval at_once = {0};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(ready, &set);
    expect(select(ready + 1, &set, NULL, NULL, &at_once), 1, "select");
}

static void wake_nobody(void)
{
    expect(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1), 0, "futex");
}

// io_uring by its system calls alone. No-operation requests: what is left is the ring itself.
static struct {
    int fd;
    uint32_t *submit_tail, *submit_mask, *indexes, *complete_head, *complete_tail;
    struct io_uring_sqe *entries;
} ring;

static void set_up_ring(void)
{
    struct io_uring_params parameters = {0};
    char *queue;
    size_t size;

    ring.fd = syscall(SYS_io_uring_setup, BATCH, &parameters);
    if (ring.fd < 0) // refused on some machines: only its own loops need it
        return;
    if (!(parameters.features & IORING_FEAT_SINGLE_MMAP))
        fail("io_uring before Linux 5.4");
    size = parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t);
    if (size < parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe))
        size = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
    queue = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
    ring.entries = mmap(NULL, parameters.sq_entries * sizeof(*ring.entries), PROT_READ | PROT_WRITE, MAP_SHARED,
                        ring.fd, IORING_OFF_SQES);
    if (queue == MAP_FAILED || ring.entries == MAP_FAILED)
        fail("mapping the ring");
    ring.submit_tail = (uint32_t *)(queue + parameters.sq_off.tail);
    ring.submit_mask = (uint32_t *)(queue + parameters.sq_off.ring_mask);
    ring.indexes = (uint32_t *)(queue + parameters.sq_off.array);
    ring.complete_head = (uint32_t *)(queue + parameters.cq_off.head);
    ring.complete_tail = (uint32_t *)(queue + parameters.cq_off.tail);
}

static void submit_nops(uint32_t count)
{
    uint32_t tail = *ring.submit_tail;

    if (ring.fd < 0) {
        errno = ENOSYS;
        fail("io_uring_setup");
    }
    for (uint32_t request = 0; request < count; request++, tail++) {
        uint32_t index = tail & *ring.submit_mask;

        ring.entries[index] = (struct io_uring_sqe){.opcode = IORING_OP_NOP};
        ring.indexes[index] = index;
    }
    __atomic_store_n(ring.submit_tail, tail, __ATOMIC_RELEASE);
    expect(syscall(SYS_io_uring_enter, ring.fd, count, count, IORING_ENTER_GETEVENTS, NULL, 0), count,
           "io_uring_enter");
    __atomic_store_n(ring.complete_head, __atomic_load_n(ring.complete_tail, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
}

static void submit_one(void)
{
    submit_nops(1);
}

static void submit_many(void)
{
    submit_nops(BATCH);
}

// Two threads that hand a word to and fro. Each counts the calls that it makes: a wait that finds the word changed
// already is a call that does not sleep, and one that is not needed is not made.
enum { MINE = 0, YOURS = 1, OVER = 2 };
static uint64_t calls_of_partner;

static void hand_over(uint32_t to, uint64_t *made)
{
    __atomic_store_n(&word, to, __ATOMIC_RELEASE);
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1);
    ++*made;
}

static void wait_while(uint32_t value, uint64_t *made)
{
    while (__atomic_load_n(&word, __ATOMIC_ACQUIRE) == value) {
        syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, NULL);
        ++*made;
    }
}

static void *partner(void *unused)
{
    for (;;) {
        wait_while(MINE, &calls_of_partner);
        if (__atomic_load_n(&word, __ATOMIC_ACQUIRE) == OVER)
            return unused;
        hand_over(MINE, &calls_of_partner);
    }
}

static void futex_ping(void)
{
    hand_over(YOURS, &calls);
    wait_while(YOURS, &calls);
}

static pthread_t partner_thread;

static void start_partner(void)
{
    word = MINE;
    if ((errno = pthread_create(&partner_thread, NULL, partner, NULL)))
        fail("starting a thread");
}

static void end_partner(void)
{
    uint64_t unused = 0;

    hand_over(OVER, &unused);
    pthread_join(partner_thread, NULL);
    word = 0;
}

static void ping(void)
{
    expect(write(to_child[1], buffer, 1), 1, "write to the child");
    expect(read(from_child[0], buffer, 1), 1, "read from the child");
}

static pid_t child;

static void start_child(void)
{
    if (pipe2(to_child, O_CLOEXEC) || pipe2(from_child, O_CLOEXEC))
        fail("pipe");
    child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        close(to_child[1]);
        close(from_child[0]);
        while (read(to_child[0], buffer, 1) == 1)
            if (write(from_child[1], buffer, 1) != 1)
                break;
        _exit(0);
    }
    close(to_child[0]);
    close(from_child[1]);
}

static void end_child(void)
{
    close(to_child[1]);
    close(from_child[0]);
    waitpid(child, NULL, 0);
}

static const struct loop {
    const char *name;
    void (*turn)(void);
    int calls; // of a turn; 0: it counts them itself
    void (*begin)(void), (*end)(void);
} loops[] = {
    {"getppid", call_getppid, 1},
    {"read /dev/zero", read_zero, 1},
    {"write /dev/null", write_null, 1},
    {"sendfile", send_file, 1},
    {"pipe", through_pipe, 2},
    {"socketpair", through_socketpair, 2},
    {"epoll_wait", wait_ready, 1},
    {"poll", poll_ready, 1},
    {"select", select_ready, 1},
    {"futex wake", wake_nobody, 1},
    {"futex ping-pong", futex_ping, 0, start_partner, end_partner},
    {"pipe ping-pong", ping, 4, start_child, end_child},
    {"io_uring NOP", submit_one, 1},
    {"io_uring NOP x32", submit_many, BATCH},
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

    if (loop->begin)
        loop->begin();
    // What a tracer sets up at the first call of a kind is not what this measures.
    run(loop, 10000000, &warm_up);
    calls = calls_of_partner = 0;
    elapsed = run(loop, milliseconds * 1000000, &turns);
    if (loop->calls)
        calls = turns * loop->calls;
    calls += calls_of_partner;
    if (loop->end)
        loop->end();
    printf("%s\t%llu\t%llu\n", loop->name, (unsigned long long)calls, (unsigned long long)elapsed);
}

static void set_up(void)
{
    struct epoll_event event = {.events = EPOLLIN};

    ready = eventfd(1, EFD_CLOEXEC);
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
    set_up_ring();
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
