// What a process says of its own transfers: the ledger, and the functions that a scenario tells it through.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST (8l << 20)
#define PAGE 4096l
#define ANY "*" // a code that the test does not insist on

struct entry {
    char operation[32], code[32];
    long operations, bytes;
};

struct pair {
    int source, sink, charged;
    long operations, bytes, avoided, kernel_to_kernel;
};

struct thread_ledger {
    long tid, payload_in, payload_out, user_to_kernel, kernel_to_user;
};

// Negative: not looked at.
static struct ledger {
    pid_t pid;
    long user_to_kernel, kernel_to_user, kernel_to_kernel, user_to_user, avoided, payload_in, payload_out;
    long dma_in, dma_out, confirmed;
    struct entry hidden[6], hints[6];
    struct pair pairs[6];
    struct thread_ledger threads[4];
} *ledgers, *mine; // shared memory: the parent prints its child's

static char *buffer; // aligned for direct I/O, and prefaulted
static long size = 200003;
static const char *address = "127.0.0.1";

static void need(bool ok, const char *what)
{
    if (!ok) {
        dprintf(2, "%s: %s\n", what, strerror(errno));
        _exit(1);
    }
}

static long took(long n)
{
    need(n >= 0, "took");
    mine->kernel_to_user += n, mine->payload_in += n;
    return n;
}

static long gave(long n)
{
    need(n >= 0, "gave");
    mine->user_to_kernel += n, mine->payload_out += n;
    return n;
}

static void add(struct entry *list, const char *operation, const char *code, long bytes)
{
    while (list->operations && (strcmp(list->operation, operation) || strcmp(list->code, code)))
        list++;
    strcpy(list->operation, operation);
    strcpy(list->code, code);
    list->operations++, list->bytes += bytes;
}

static bool is_pipe(int fd)
{
    struct stat status;
    need(fstat(fd, &status) == 0, "fstat");
    return S_ISFIFO(status.st_mode);
}

// What was moved from one descriptor to another inside the kernel; `code` says why it was copied, if it was.
static long between(const char *operation, int source, int sink, long n, const char *code)
{
    struct pair *pair = mine->pairs;
    bool splice = !strcmp(operation, "splice"), pipes = is_pipe(source) && is_pipe(sink);

    need(n > 0, operation);
    while (pair->operations && (pair->source != source || pair->sink != sink))
        pair++;
    pair->source = source, pair->sink = sink;
    pair->charged = is_pipe(sink) && !is_pipe(source) ? source : sink;
    pair->operations++, pair->bytes += n;
    if (!splice || pipes || !is_pipe(source))
        mine->payload_in += n;
    if (!splice || pipes || !is_pipe(sink))
        mine->payload_out += n;
    *(code ? &mine->kernel_to_kernel : &mine->avoided) += n;
    *(code ? &pair->kernel_to_kernel : &pair->avoided) += n;
    if (code)
        add(mine->hidden, operation, code, n);
    return n;
}

// What the kernel itself says it read and wrote for this process; looking is a read of its own.
static void device_bytes(long *in, long *out)
{
    char text[512];
    int fd = open("/proc/self/io", O_RDONLY);
    long n = took(read(fd, text, sizeof(text) - 1));

    text[n] = 0;
    need(sscanf(strstr(text, "read_bytes"), "read_bytes: %ld write_bytes: %ld", in, out) == 2, "/proc/self/io");
    close(fd);
}

// Read from devices between two such looks. What the process read before the first, a page of itself perhaps, is in its
// ledger too, if that was kept from the beginning.
static long read_from_device(const long in[2])
{
    mine->dma_in = getenv("COPIES_WAIT") ? in[1] - in[0] : in[1];
    return in[1] - in[0];
}

// All is set up: with COPIES_WAIT, somebody may begin to look now, and says so.
static void begin(void)
{
    char byte;
    if (getenv("COPIES_WAIT"))
        took(read(0, &byte, 1));
}

static pid_t child(void)
{
    pid_t pid = fork();
    need(pid >= 0, "fork");
    if (pid == 0) {
        mine = &ledgers[1];
        mine->pid = getpid();
    }
    return pid;
}
