// The copy ledger: what became of the bytes that a thread or an fd moved. docs/copy-ledger.md has the rules.
//
// Results of read- and write-type calls are counted elsewhere (call and fd counters), and most of them are plain copies
// between user and kernel. Here is only what differs from that, so that a plain call costs nothing more.
#ifndef IOTRACE_LEDGER_H
#define IOTRACE_LEDGER_H

#include <linux/types.h>

struct iotrace_ledger {
    __u64 in_not_copied;  // of the bytes in: not copied to user memory
    __u64 out_not_copied; // of the bytes out: not copied from user memory
    __u64 in_not_payload; // of the bytes in: taken from a pipe by the kernel, or only peeked at
    __u64 out_not_payload;
    __u64 other_in; // bytes in and out that are no read- or write-type call's result: transfers, io_uring, AIO
    __u64 other_out;
    __u64 avoided;          // moved by reference or by a device; derived
    __u64 avoided_observed; // the same, by the kernel's own word
    __u64 direct;           // of these two: between a device and the user's pages
    __u64 kernel_to_kernel;
    __u64 unknown;    // moved inside the kernel in a way that cannot be told
    __u64 zc_sent;    // zero-copy sends that the socket accepted; what became of them is in the next four
    __u64 zc_avoided; // by their completions
    __u64 zc_copied;  // by their completions
    __u64 zc_to_copy; // handed to a device that has them copied
    __u64 zc_device;  // handed to a device by reference
    __u64 dma_in;
    __u64 dma_out; // submitted by the thread itself
    __u64 mapped;  // bytes of pages mapped by faults
    __u64 dirtied; // bytes dirtied in the page cache or written directly, less those truncated again: task->ioac
    // Operations by what became of them. A plain read or write call is in none of these.
    __u64 calls_elsewhere;  // read- and write-type calls that are in another of these counters
    __u64 other_operations; // plain copies that are no such calls
    __u64 zero_copy_operations;
    __u64 direct_operations;
    __u64 kernel_copied_operations;
    __u64 zc_sends;
    __u64 zc_sends_avoided;
    __u64 zc_sends_copied;
};
#define IOTRACE_LEDGER_FIELDS 28
_Static_assert(sizeof(struct iotrace_ledger) == 8 * IOTRACE_LEDGER_FIELDS, "ledger layout");

// What names an operation: a system call's number, or one of these with an opcode.
#define IOTRACE_OPERATION_URING 0x40000000u
#define IOTRACE_OPERATION_AIO 0x20000000u
#define IOTRACE_OPERATION_FAULT 0x10000000u

// Why an operation that asked for no copy was copied all the same; from IOTRACE_HINT_FIRST on, hints.
#define IOTRACE_HIDDEN_SPLICE_SOURCE 1
#define IOTRACE_HIDDEN_SPLICE_INTO_FILE 2
#define IOTRACE_HIDDEN_COPY_RANGE 3
#define IOTRACE_HIDDEN_ZC_NOT_ENABLED 4
#define IOTRACE_HIDDEN_ZC_UNSUPPORTED 5
#define IOTRACE_HIDDEN_ZC_LOOPBACK 6
#define IOTRACE_HIDDEN_ZC_NO_SG 7
#define IOTRACE_HIDDEN_ZC_COPIED 8
#define IOTRACE_HIDDEN_FIXED_BUFFER 9
#define IOTRACE_HIDDEN_NOT_DIRECT 10
#define IOTRACE_HIDDEN_COW 11
#define IOTRACE_HIDDEN_SPLICE_SINK 12
#define IOTRACE_HINT_FIRST 64
#define IOTRACE_HINT_ZC_SMALL 64

// Below this a zero-copy send costs more than the copy. Documentation/networking/msg_zerocopy.rst
#define IOTRACE_ZC_SMALL_BYTES 10240

struct iotrace_hidden_key {
    __u64 process_id;
    __u64 file_id;   // 0: no fd, one that could not be identified, or one for which there was no room
    __u32 operation; // system call number, or IOTRACE_OPERATION_… | opcode
    __u32 code;      // IOTRACE_HIDDEN_… or IOTRACE_HINT_…
};

struct iotrace_hidden {
    __u64 operations;
    __u64 bytes;
};

// Bytes that went from one fd to another inside the kernel.
struct iotrace_pair_key {
    __u64 process_id;
    __u64 source; // pair_id of the file; both are 0 in the row for many
    __u64 sink;
};

struct iotrace_pair {
    __u64 operations;
    __u64 bytes;
    __u64 kernel_to_kernel;
    __u64 unknown;
};

// What a thread moved by the time it ended.
struct iotrace_thread_key {
    __u64 process_id;
    __u64 started_ns; // CLOCK_MONOTONIC: when its window began. Thread ids are reused
    __u32 tid;
    __u32 reserved;
};

struct iotrace_thread_copies {
    __u64 bytes_in;       // results of read-type calls
    __u64 bytes_out;      // results of write-type calls
    __u64 from_processes; // results of process_vm_readv
    __u64 to_processes;   // results of process_vm_writev
    struct iotrace_ledger ledger;
};

// What a function of the kernel, known by its address, does with pages. fs/splice.c
#define IOTRACE_SPLICE_UNKNOWN 0
#define IOTRACE_SPLICE_REFERENCES 1
#define IOTRACE_SPLICE_COPIES 2
#define IOTRACE_SPLICE_BY_MAPPING 3 // references if there is a page cache behind the file, else copies
#define IOTRACE_NOOP_DIRECT_IO 4    // no splice operation: marks a file system whose direct I/O is iomap's
#define IOTRACE_IOMAP_BIO 5         // no splice operation: completes a bio of iomap's direct I/O
#define IOTRACE_SPLICE_SENDPAGE 6   // what the protocol's sendpage does: references for streams

// How direct I/O of a file shows.
#define IOTRACE_DIRECT_BY_IOMAP 0 // the tracepoints of fs/iomap/direct-io.c
#define IOTRACE_DIRECT_BY_BIO 1   // what the caller submits to the block layer: block devices, fs/direct-io.c
#define IOTRACE_DIRECT_UNKNOWN 2  // in none of them: network file systems, FUSE
#define IOTRACE_DIRECT_NEVER 3    // tmpfs accepts O_DIRECT and copies

// Symbols of the kernel that the probes know by address. User space fills in the names, `find_symbols` the rest.
#define IOTRACE_SYMBOLS 128
#define IOTRACE_SYMBOL_NAME_BYTES 48

#define IOTRACE_SYMBOL_SPLICE 1 // a splice operation: see `class`
#define IOTRACE_SYMBOL_COPY 2   // a routine that copies payload
#define IOTRACE_SYMBOL_ZERO 3   // a routine that fills memory with zeros

struct iotrace_symbol {
    __u8 name[IOTRACE_SYMBOL_NAME_BYTES];
    __u8 text[64]; // `name+0x0/0xSIZE`, as the kernel prints it
    __u64 address; // 0: this kernel has no such symbol
    __u32 kind;    // IOTRACE_SYMBOL_…
    __u32 size;    // filled in by user space from `text`
};
_Static_assert(sizeof(struct iotrace_symbol) == 128, "symbol layout");

// CPU-clock samples of a process by the system call it was in.
struct iotrace_sample_key {
    __u64 process_id;
    __u32 nr; // IOTRACE_SAMPLE_NO_CALL: outside any call
    __u32 reserved;
};
#define IOTRACE_SAMPLE_NO_CALL 0xffffffffu

struct iotrace_samples {
    __u64 samples;
    __u64 copying; // in a routine that copies
    __u64 zeroing; // in a routine that fills with zeros
};

#endif
