// From one descriptor to another, and from one process to another.
#pragma once

#include <signal.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "endpoints.h"

static void sendfile_all(int from, int to, long n, const char *code)
{
    while (n > 0) {
        long result = between("sendfile", from, to, sendfile(to, from, 0, n), code);
        need(result > 0, "sendfile");
        n -= result;
    }
}

static void sendfile_to_socket(int ends[2])
{
    char *view = witness();
    int from = source(O_RDONLY);

    begin();
    sendfile_all(from, ends[0], size, 0);
    change(view + size - 1);
    receive(ends[1], buffer, size);
    need_equal(buffer + size - 1, view + size - 1, true, "sent by reference");
}

static void sendfile_tcp(void)
{
    int ends[2];
    tcp(ends);
    sendfile_to_socket(ends);
}

static void sendfile_unix_stream(void)
{
    int ends[2];
    unix_pair(SOCK_STREAM, ends);
    sendfile_to_socket(ends);
}

// Datagrams: whether the file's pages go by reference depends on the protocol.
static void sendfile_datagram(int ends[2])
{
    char *view = witness();
    int from = source(O_RDONLY);
    long n = sendfile(ends[0], from, 0, PAGE);

    need(n == PAGE, "sendfile");
    change(view + 5);
    need(took(recv(ends[1], buffer, 65536, 0)) == n, "recv");
    between("sendfile", from, ends[0], n, buffer[5] == view[5] ? 0 : ANY);
}

static void sendfile_udp(void)
{
    int ends[2];
    udp(ends);
    sendfile_datagram(ends);
}

static void sendfile_unix_dgram(void)
{
    int ends[2];
    unix_pair(SOCK_DGRAM, ends);
    sendfile_datagram(ends);
}

static void sendfile_pipe(void)
{
    char *view = witness();
    int ends[2], from = source(O_RDONLY);

    pipes(ends);
    sendfile_all(from, ends[1], size, 0);
    change(view + size - 1);
    read_all(ends[0], buffer, size);
    need_equal(buffer + size - 1, view + size - 1, true, "sent by reference");
}

// To the end of a file whose text the kernel makes while it is read.
static void sendfile_proc(void)
{
    int ends[2], from = open("/proc/zoneinfo", O_RDONLY);
    long n, sum = 0;

    tcp(ends);
    while ((n = sendfile(ends[0], from, 0, 65536)) > 0)
        sum += between("sendfile", from, ends[0], n, "splice_source_copies");
    need(n == 0 && sum > PAGE, "sendfile of /proc/zoneinfo");
    receive(ends[1], buffer, sum);
}

static void sendfile_zero(void)
{
    int ends[2], from = open("/dev/zero", O_RDONLY);
    tcp(ends);
    sendfile_all(from, ends[0], size, "splice_source_copies");
    receive(ends[1], buffer, size);
}

static void sendfile_file(void)
{
    char *view = witness(), byte;
    int from = source(O_RDONLY), to = sink(0);

    sendfile_all(from, to, size, "splice_into_file");
    change(view + 5);
    need(took(pread(to, &byte, 1, 5)) == 1, "pread");
    need_equal(&byte, view + 5, false, "copied");
}

// Pages of the page cache, written to the device without another copy.
static void sendfile_into_direct(void)
{
    int from = source(O_RDONLY), to = sink(O_DIRECT);

    sendfile_all(from, to, size / PAGE * PAGE, 0);
    need(!cached(to), "written past the page cache");
    mine->dma_out = size / PAGE * PAGE;
}

static void sendfile_direct(void)
{
    long in[2], out;
    int ends[2], from = source(O_RDONLY | O_DIRECT);

    tcp(ends);
    device_bytes(&in[0], &out);
    sendfile_all(from, ends[0], size / PAGE * PAGE, 0);
    device_bytes(&in[1], &out);
    receive(ends[1], buffer, size / PAGE * PAGE);
    need(read_from_device(in) >= size / PAGE * PAGE, "read from the device");
}

// A socket that takes less than the file: the result is what it took.
static void sendfile_short(void)
{
    int ends[2], from = source(O_RDONLY);
    long n, sum = 0;

    need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "socketpair");
    while ((n = sendfile(ends[0], from, 0, size)) > 0)
        sum += between("sendfile", from, ends[0], n, 0);
    need(errno == EAGAIN && sum < size, "sendfile to a full socket");
}

static void splice_all(int from, int to, long n, const char *code)
{
    while (n > 0) {
        long result = between("splice", from, to, splice(from, 0, to, 0, n, 0), code);
        need(result > 0, "splice");
        n -= result;
    }
}

static void splice_file_pipe_tcp(void)
{
    char *view = witness();
    int from = source(O_RDONLY), ends[2], sockets[2];

    pipes(ends);
    tcp(sockets);
    splice_all(from, ends[1], size, 0);
    splice_all(ends[0], sockets[0], size, 0);
    change(view + 5);
    receive(sockets[1], buffer, size);
    need_equal(buffer + 5, view + 5, true, "spliced by reference");
}

static void splice_tcp_pipe_file(void)
{
    int to = sink(0), ends[2], sockets[2];

    pipes(ends);
    tcp(sockets);
    write_all(sockets[0], buffer, size);
    splice_all(sockets[1], ends[1], size, 0);
    splice_all(ends[0], to, size, "splice_into_file");
}

static void splice_proc(void)
{
    int from = open("/proc/zoneinfo", O_RDONLY), ends[2];
    long n;

    pipes(ends);
    n = between("splice", from, ends[1], splice(from, 0, ends[1], 0, PAGE, 0), "splice_source_copies");
    need(n > 0, "splice");
    read_all(ends[0], buffer, n);
}

// Sockets of datagrams have no pages to give: splice reads them into new ones.
static void splice_datagrams(void)
{
    int ends[2], sockets[2];

    pipes(ends);
    udp(sockets);
    need(gave(send(sockets[0], buffer, 30011, 0)) == 30011, "send");
    between("splice", sockets[1], ends[1], splice(sockets[1], 0, ends[1], 0, 65536, 0), "splice_source_copies");
    unix_pair(SOCK_DGRAM, sockets);
    need(gave(send(sockets[0], buffer, 5003, 0)) == 5003, "send");
    between("splice", sockets[1], ends[1], splice(sockets[1], 0, ends[1], 0, 65536, 0), "splice_source_copies");
    read_all(ends[0], buffer, 35014);
}

static void splice_pipes(void)
{
    char *view = witness();
    int from = source(O_RDONLY), first[2], second[2];

    pipes(first);
    pipes(second);
    splice_all(from, first[1], size, 0);
    // Less than what is there, so that a buffer is shared between the pipes.
    splice_all(first[0], second[1], size - 1000, 0);
    change(view + 5);
    read_all(second[0], buffer, size - 1000);
    need_equal(buffer + 5, view + 5, true, "spliced by reference");
}

static void tee_pipes(void)
{
    char *view = witness();
    int from = source(O_RDONLY), first[2], second[2];

    pipes(first);
    pipes(second);
    splice_all(from, first[1], size, 0);
    need(between("tee", first[0], second[1], tee(first[0], second[1], size, 0), 0) == size, "tee");
    change(view + 5);
    read_all(second[0], buffer, size);
    need_equal(buffer + 5, view + 5, true, "duplicated by reference");
    read_all(first[0], buffer, size);
}

static void vmsplice_both(void)
{
    struct iovec whole = {buffer, size}, other = {buffer + LARGEST / 2, size};
    int ends[2];

    pipes(ends);
    for (long left = size, n; left > 0; left -= n) {
        n = vmsplice(ends[1], &whole, 1, 0);
        need(n > 0, "vmsplice");
        mine->avoided += n, mine->payload_out += n;
        whole.iov_base += n, whole.iov_len -= n;
    }
    change(buffer + 5);
    for (long left = size, n; left > 0; left -= n) {
        n = took(vmsplice(ends[0], &other, 1, 0));
        need(n > 0, "vmsplice");
        other.iov_base += n, other.iov_len -= n;
    }
    need_equal(buffer + 5, buffer + LARGEST / 2 + 5, true, "moved by reference");
}

static void copy_range(void)
{
    char *view = witness(), byte;
    int from = source(O_RDONLY), to = sink(0);

    for (long left = size, n; left > 0; left -= n) {
        n = copy_file_range(from, 0, to, 0, left, 0);
        between("copy_file_range", from, to, n, "copy_range_without_reflink");
        need(n > 0, "copy_file_range");
    }
    change(view + 5);
    need(took(pread(to, &byte, 1, 5)) == 1, "pread");
    need_equal(&byte, view + 5, false, "copied");
}

// Where files can share blocks: aligned, because only whole blocks are shared.
static void copy_range_shared(void)
{
    int from = source(O_RDONLY), to = sink(0);
    long n = size / PAGE * PAGE;

    need(between("copy_file_range", from, to, copy_file_range(from, 0, to, 0, n, 0), 0) == n, "copy_file_range");
}

// Where they can too, but not from the middle of a block.
static void copy_range_unaligned(void)
{
    int from = source(O_RDONLY), to = sink(0);
    loff_t start = 5;
    long n = copy_file_range(from, &start, to, 0, size - 5, 0);

    need(n == size - 5, "copy_file_range");
    between("copy_file_range", from, to, n, "copy_range_without_reflink");
}

static void another_process(void)
{
    char *edge = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct iovec here = {buffer, size}, there[2] = {{buffer + size, size}, {edge + 2 * PAGE, PAGE}};
    pid_t pid;
    long n;

    munmap(edge + 2 * PAGE, PAGE);
    pid = child();
    if (!pid)
        for (;;)
            pause();
    need(process_vm_readv(pid, &here, 1, there, 1, 0) == size, "process_vm_readv");
    need(process_vm_writev(pid, &here, 1, there, 1, 0) == size, "process_vm_writev");
    // The second part isn't there: what was copied is the first.
    here.iov_len = size + PAGE;
    n = process_vm_readv(pid, &here, 1, there, 2, 0);
    need(n == size, "process_vm_readv of too much");
    mine->user_to_user += 3 * size, mine->payload_in += 2 * size, mine->payload_out += size;
    kill(pid, SIGKILL);
    waitpid(pid, 0, 0);
}
