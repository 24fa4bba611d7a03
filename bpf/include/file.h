// An open fd of a process: what it is, and what was done with it.
#ifndef IOTRACE_FILE_H
#define IOTRACE_FILE_H

#include "ledger.h"
#include "models.h"

// Types that the kernel side tells apart. Anonymous inodes carry their name (`[eventfd]`, …) and are told apart by it.
#define IOTRACE_FILE_UNKNOWN 0
#define IOTRACE_FILE_REGULAR 1
#define IOTRACE_FILE_DIRECTORY 2
#define IOTRACE_FILE_BLOCK 3
#define IOTRACE_FILE_CHAR 4
#define IOTRACE_FILE_TTY 5
#define IOTRACE_FILE_PIPE 6
#define IOTRACE_FILE_FIFO 7
#define IOTRACE_FILE_ANON 8
#define IOTRACE_FILE_TCP 9
#define IOTRACE_FILE_UDP 10
#define IOTRACE_FILE_UNIX_STREAM 11
#define IOTRACE_FILE_UNIX_DGRAM 12
#define IOTRACE_FILE_UNIX_SEQPACKET 13
#define IOTRACE_FILE_NETLINK 14
#define IOTRACE_FILE_PACKET 15
#define IOTRACE_FILE_SOCKET 16
#define IOTRACE_FILE_FIRST_SOCKET IOTRACE_FILE_TCP

#define IOTRACE_ZC_UNTOLD 0
#define IOTRACE_ZC_LOOPBACK 1          // they were handed to a loopback device
#define IOTRACE_ZC_NO_SCATTER_GATHER 2 // the route's device cannot take pages

// Character devices that move no payload. drivers/char/mem.c
#define IOTRACE_DEVICE_PLAIN 0
#define IOTRACE_DEVICE_NULL 1 // /dev/null: throws away what is written, has nothing to read
#define IOTRACE_DEVICE_ZERO                                                                                            \
    2 // /dev/zero, /dev/full: fills what is read with zeros, throws away what is written, if anything

#define IOTRACE_PATH_BYTES 512
#define IOTRACE_UNIX_PATH_BYTES 108

// Counters of one thread on one fd, in the thread's cache; added to the record when the entry is replaced.
struct iotrace_fd_counter {
    __u64 file;    // address of the struct file: the cached entry is valid while the fd still leads to it
    __u64 file_id; // the record's key; 0: empty, or the record could not be made
    __s32 fd;
    __u32 generation; // of the fd number in the process; see fd_generation()
    __u64 bytes_in;
    __u64 bytes_out;
    __u64 blocked_ns;
    __u32 operations;
    __u32 again;   // of these, with the result EAGAIN
    __u32 f_flags; // at the last operation
    __u8 type;     // IOTRACE_FILE_…
    __u8 watched;  // IOTRACE_WATCHED_…, at the last operation
    __u8 device;   // IOTRACE_DEVICE_…
    __u8 model;    // IOTRACE_MODEL_… of all that is counted here
};
_Static_assert(sizeof(struct iotrace_fd_counter) == 64, "fd counter layout");

// The addresses of a socket. Ports are in host byte order, IPv4 addresses in the first 4 bytes, network order.
struct iotrace_socket_name {
    __u16 family; // AF_INET, AF_INET6, AF_UNIX, …
    __u16 local_port;
    __u16 peer_port;
    __u16 local_length; // AF_UNIX: bytes of `local_path`, a leading NUL being an abstract name; 0: unnamed
    __u16 peer_length;
    __u16 reserved[3];
    __u8 local_address[16];
    __u8 peer_address[16];
    __u8 local_path[IOTRACE_UNIX_PATH_BYTES];
    __u8 peer_path[IOTRACE_UNIX_PATH_BYTES];
};
_Static_assert(sizeof(struct iotrace_socket_name) == 264, "socket name layout");

struct iotrace_file_record {
    __u64 file_id;
    __u64 process_id;
    __u64 file;    // address of the struct file
    __u64 pair_id; // the same for all openings of a regular file; file_id for everything else
    __u64 inode;
    __u64 opened_ns; // CLOCK_MONOTONIC, when the fd was first seen
    __u64 operations;
    __u64 bytes_in;
    __u64 bytes_out;
    __u64 blocked_ns;
    __s32 fd;
    __u32 device; // kernel encoding: major << 20 | minor
    __u32 f_flags;
    __u8 type;               // IOTRACE_FILE_…
    __u8 watched;            // IOTRACE_WATCHED_…
    __u8 fds_differ;         // it was opened again as another fd than before
    __u8 path_truncated;     // the root's side of the path is missing
    __u32 path_length;       // bytes used in `path`
    __u32 socket_seen_in_io; // the addresses were read after its first operation
    __u8 char_device;        // IOTRACE_DEVICE_…
    __u8 splice_source;      // IOTRACE_SPLICE_…: what splicing out of it does
    __u8 splice_sink;        // IOTRACE_SPLICE_…: what splicing into it does
    __u8 zc_reason;          // IOTRACE_ZC_…: why sends by reference were copied
    __u32 zc_operation;      // the last that sent without copying: see IOTRACE_OPERATION_URING
    __u8 direct_way;         // IOTRACE_DIRECT_…
    __u8 reserved[3];
    __u32 closed;
    __u64 opens;        // 1, or more where the process has opened the same path again: see IOTRACE_OWN_RECORDS
    __u64 path_number;  // by which it is found when its path is opened again; 0: it is not
    __u64 again;        // operations with the result EAGAIN
    __u32 epoll_events; // EPOLLET, EPOLLONESHOT, … of its last registration that was seen
    __u32 polled;       // IOTRACE_WATCHED_POLL, IOTRACE_WATCHED_SELECT
    struct iotrace_model_counter models[IOTRACE_MODELS];
    struct iotrace_ledger ledger;
    // Path components from the leaf to the root, each NUL-terminated; empty for sockets.
    __u8 path[IOTRACE_PATH_BYTES];
    struct iotrace_socket_name socket;
};
_Static_assert(sizeof(struct iotrace_file_record) ==
                   152 + sizeof(struct iotrace_ledger) + 16 * IOTRACE_MODELS + IOTRACE_PATH_BYTES + 264,
               "file record layout");

// A thread's opens that get records of their own. Whatever regular file or directory it opens after that goes on in the
// record of the last opening of the same path, if that is closed: a server that opens a file for each request would
// else make a record for each.
#define IOTRACE_OWN_RECORDS 1024

// Which record an fd number of a process leads to now.
struct iotrace_fd_key {
    __u64 process_id;
    __s32 fd;
    __u32 reserved;
};

struct iotrace_fd_binding {
    __u64 file;
    __u64 inode;
    __u64 file_id;
};

// Which record a path of a process leads to: of those with that path, the last that was closed.
struct iotrace_path_key {
    __u64 process_id;
    __u64 path;
};

// Which record an open file of a process leads to, for operations that name the file and not the fd.
struct iotrace_open_file_key {
    __u64 process_id;
    __u64 file;
};

#endif
