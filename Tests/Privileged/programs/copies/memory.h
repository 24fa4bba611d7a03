// Mappings of files, and memory that is none.
#pragma once

#include <sys/wait.h>

#include "endpoints.h"

// SIZE is the part of the source that is touched.
static void mapping_read(void)
{
    int fd = source(O_RDONLY);
    volatile char *map = mmap(0, 1 << 20, PROT_READ, MAP_SHARED, fd, 0);

    for (long at = 0; at < size; at += PAGE)
        (void)map[at];
}

static void mapping_written(void)
{
    int fd = source(O_RDONLY);
    volatile char *map = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

    // Read first: so the write finds a page of the file and has to copy it.
    for (long at = 0; at < 1 << 20; at += PAGE)
        (void)map[at];
    for (long at = 0; at < size; at += PAGE)
        map[at] = 1;
}

// Pages of memory, not of a file, that two processes share until one writes.
static void forked_memory(void)
{
    memset(buffer, 1, 1 << 20);
    if (!child()) {
        for (long at = 0; at < size; at += PAGE)
            buffer[at] = 2;
        _exit(0);
    }
    wait(0);
}
