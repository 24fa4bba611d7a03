// Devices, small files, direct I/O, and what reaches the disk.
#pragma once

#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <termios.h>

#include "endpoints.h"

static void devices(void)
{
    struct iovec two[2] = {{buffer, size / 2}, {buffer + size, size / 2}};
    int zero = open("/dev/zero", O_RDWR), null = open("/dev/null", O_RDWR), full = open("/dev/full", O_RDWR),
        random = open("/dev/urandom", O_RDONLY);

    // Filled with zeros, or thrown away: payload that nobody copies.
    need(read(zero, buffer, size) == size && pread(zero, buffer, size, 5) == size, "zero");
    need(readv(zero, two, 2) == size / 2 * 2, "zero");
    need(read(full, buffer, size) == size, "full");
    mine->payload_in += 3 * size + size / 2 * 2;
    need(write(null, buffer, size) == size && writev(null, two, 2) == size / 2 * 2, "null");
    need(pwrite(null, buffer, size, 5) == size && write(zero, buffer, size) == size, "null");
    mine->payload_out += 3 * size + size / 2 * 2;
    need(write(full, buffer, size) == -1 && errno == ENOSPC, "full");
    need(took(read(null, buffer, size)) == 0, "null");
    // Made, and then copied.
    need(took(read(random, buffer, size)) == size, "urandom");
}

static void small_files(void)
{
    unsigned long long value = 1;
    char name[64];
    int event = eventfd(0, 0), main_end = posix_openpt(O_RDWR | O_NOCTTY), number = 0, terminal, proc;
    struct termios raw = {.c_cflag = CREAD | CS8, .c_cc[VMIN] = 1};

    need(gave(write(event, &value, 8)) == 8 && took(read(event, &value, 8)) == 8, "eventfd");
    proc = open("/proc/self/stat", O_RDONLY);
    need(took(read(proc, buffer, PAGE)) > 0 && took(read(proc, buffer, PAGE)) == 0, "proc");
    ioctl(main_end, TIOCSPTLCK, &number);
    need(ioctl(main_end, TIOCGPTN, &number) == 0, "pty");
    snprintf(name, sizeof(name), "/dev/pts/%d", number);
    terminal = open(name, O_RDWR | O_NOCTTY);
    need(terminal >= 0 && ioctl(terminal, TCSETS, &raw) == 0, name);
    need(gave(write(main_end, buffer, 1009)) == 1009, "pty");
    read_all(terminal, buffer, 1009);
}

static void direct_read(void)
{
    long in[2], out, n, fd = source(O_RDONLY | O_DIRECT), got = 0;

    begin();
    device_bytes(&in[0], &out);
    while ((n = pread(fd, buffer, 65536, got)) > 0)
        got += n;
    need(got == size, "direct read");
    device_bytes(&in[1], &out);
    mine->avoided += got, mine->payload_in += got;
    need(read_from_device(in) >= got, "read from the device");
}

static void direct_write(void)
{
    long in, out[2], fd = sink(O_DIRECT), got = 0;

    device_bytes(&in, &out[0]);
    for (; got < size / PAGE * PAGE; got += 4 * PAGE)
        need(pwrite(fd, buffer, 4 * PAGE, got) == 4 * PAGE, "direct write");
    need(write(fd, buffer, 1000) == -1 && errno == EINVAL, "write that is not aligned");
    device_bytes(&in, &out[1]);
    // The kernel's figure has the blocks of the file system too, which somebody else writes.
    need(out[1] - out[0] >= got, "written to the device");
    mine->avoided += got, mine->payload_out += got, mine->dma_out = got;
}

// Nothing to fetch, and nothing to copy.
static void direct_hole(void)
{
    long in[2], out, fd = sink(O_DIRECT);

    need(ftruncate(fd, 1 << 20) == 0, "ftruncate");
    device_bytes(&in[0], &out);
    need(pread(fd, buffer, 1 << 20, 0) == 1 << 20, "read of a hole");
    device_bytes(&in[1], &out);
    mine->avoided += 1 << 20, mine->payload_in += 1 << 20;
    need(read_from_device(in) == 0, "nothing to read from the device");
}

// Every second page of it is there.
static void direct_sparse(void)
{
    long in[2], out, fd = sink(O_DIRECT);

    need(ftruncate(fd, 64 * PAGE) == 0, "ftruncate");
    for (long page = 0; page < 64; page += 2) {
        need(pwrite(fd, buffer, PAGE, page * PAGE) == PAGE, "direct write");
        mine->avoided += PAGE, mine->payload_out += PAGE;
    }
    device_bytes(&in[0], &out);
    need(pread(fd, buffer, 64 * PAGE, 0) == 64 * PAGE, "direct read");
    device_bytes(&in[1], &out);
    mine->avoided += 64 * PAGE, mine->payload_in += 64 * PAGE, mine->dma_out = 32 * PAGE;
    need(read_from_device(in) == 32 * PAGE, "half of it read from the device");
}

// A file system that takes O_DIRECT and goes through its page cache all the same.
static void direct_copied(void)
{
    int fd = sink(O_DIRECT);
    long n = size / PAGE * PAGE;

    need(gave(pwrite(fd, buffer, n, 0)) == n && cached(fd), "a write that is copied");
    add(mine->hidden, "pwrite64", "direct_not_direct", n);
    need(took(pread(fd, buffer, n, 0)) == n, "read");
    add(mine->hidden, "pread64", "direct_not_direct", n);
}

static void written(bool synced)
{
    int fd = sink(0);

    write_all(fd, buffer, size);
    if (synced)
        need(fsync(fd) == 0, "fsync");
}

static void written_and_left(void)
{
    written(false);
}

static void written_and_synced(void)
{
    written(true);
}
