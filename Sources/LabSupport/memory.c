#define _GNU_SOURCE
#include "LabSupport.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

char *pages(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

// Zeros could be holes, shared zero pages or compressed away; a xorshift generator never gives a zero word.
void fill(void *memory, size_t size)
{
    uint64_t word = 0x9e3779b97f4a7c15 ^ size;

    for (size_t done = 0; done < size; done += sizeof(word)) {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        memcpy((char *)memory + done, &word, size - done < sizeof(word) ? size - done : sizeof(word));
    }
}

// Code that has not run yet is not mapped, and fork left every writable page copy-on-write: both would fault while the
// bytes are moved, and a tracer would rightly count it. Locking maps all of it, writable where it may be written. Where
// RLIMIT_MEMLOCK refuses that, those faults are part of what is measured.
void map_everything(void)
{
    if (!mlockall(MCL_CURRENT))
        munlockall();
}
