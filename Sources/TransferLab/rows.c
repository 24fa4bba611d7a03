#include "TransferLab.h"
#include "transfer.h"

#include <string.h>

// A row's last field is what the worker does; the lab sees only the name and the title.
#define METHOD(...) (&(const struct transfer_method){__VA_ARGS__})

static const struct transfer_row rows[] = {
    // into TCP
    {"read-write", "read + write",
     METHOD(.source = HOT_FILE, .sink = TCP_DRAIN, .buffer_size = 64 * KIB, .move = move_by_read_write)},
    {"read-write-4k", "read + write, 4 KiB buffer",
     METHOD(.source = HOT_FILE, .sink = TCP_DRAIN, .buffer_size = 4 * KIB, .move = move_by_read_write)},
    {"read-write-1m", "read + write, 1 MiB buffer",
     METHOD(.source = HOT_FILE, .sink = TCP_DRAIN, .buffer_size = MIB, .move = move_by_read_write)},
    {"read-write-cold", "read + write, cold cache",
     METHOD(.source = COLD_FILE, .sink = TCP_DRAIN, .buffer_size = 64 * KIB, .move = move_by_read_write)},
    {"pread-write", "pread + write",
     METHOD(.source = HOT_FILE, .sink = TCP_DRAIN, .buffer_size = 64 * KIB, .move = move_by_pread_write)},
    {"preadv-writev", "preadv + writev, 4 vectors",
     METHOD(.source = HOT_FILE, .sink = TCP_DRAIN, .buffer_size = 64 * KIB, .move = move_by_preadv_writev)},
    {"mmap-write", "mmap + write", METHOD(.source = HOT_FILE, .sink = TCP_DRAIN, .move = move_by_mmap_write)},
    {"mmap-write-cold", "mmap + write, cold cache",
     METHOD(.source = COLD_FILE, .sink = TCP_DRAIN, .move = move_by_mmap_write)},
    {"sendfile", "sendfile", METHOD(.source = HOT_FILE, .sink = TCP_DRAIN, .move = move_by_sendfile)},
    {"sendfile-cold", "sendfile, cold cache", METHOD(.source = COLD_FILE, .sink = TCP_DRAIN, .move = move_by_sendfile)},
    {"sendfile-proc", "sendfile from /proc", METHOD(.source = PROC_FILE, .sink = TCP_DRAIN, .move = move_by_sendfile)},
    {"sendfile-zero", "sendfile from /dev/zero",
     METHOD(.source = DEV_ZERO, .sink = TCP_DRAIN, .move = move_by_sendfile)},
    {"sendfile-direct", "sendfile from O_DIRECT",
     METHOD(.source = DIRECT_FILE, .sink = TCP_DRAIN, .move = move_by_sendfile)},
    {"splice", "splice through a pipe",
     METHOD(.source = HOT_FILE, .sink = TCP_DRAIN, .prepare = prepare_splice, .move = move_by_splice)},
    {"vmsplice", "vmsplice of a mapped file",
     METHOD(.source = HOT_FILE, .sink = TCP_DRAIN, .prepare = prepare_vmsplice, .move = move_by_vmsplice)},
    {"tee", "splice + tee", METHOD(.source = HOT_FILE, .sink = TCP_DRAIN, .prepare = prepare_tee, .move = move_by_tee)},
    {"msg-zerocopy", "MSG_ZEROCOPY, loopback",
     METHOD(.sink = TCP_DRAIN, .buffer_size = WHOLE_SIZE, .prepare = prepare_zerocopy, .move = move_by_zerocopy)},
    {"msg-zerocopy-unread", "MSG_ZEROCOPY, never asked back",
     METHOD(.sink = TCP_DRAIN, .buffer_size = WHOLE_SIZE, .prepare = prepare_zerocopy,
            .move = move_by_zerocopy_unread)},
    {"msg-zerocopy-unset", "MSG_ZEROCOPY, no SO_ZEROCOPY",
     METHOD(.sink = TCP_DRAIN, .buffer_size = WHOLE_SIZE, .move = move_by_zerocopy_unread)},
    {"msg-zerocopy-veth", "MSG_ZEROCOPY, veth pair",
     METHOD(.sink = VETH_DRAIN, .buffer_size = WHOLE_SIZE, .prepare = prepare_zerocopy, .move = move_by_zerocopy)},
    {"uring-read-send", "io_uring READ + SEND",
     METHOD(.source = HOT_FILE, .sink = TCP_DRAIN, .buffer_size = 64 * KIB, .prepare = prepare_uring,
            .move = move_by_uring_read_send)},
    {"uring-read-fixed-send", "io_uring READ_FIXED + SEND",
     METHOD(.source = HOT_FILE, .sink = TCP_DRAIN, .buffer_size = 64 * KIB, .prepare = prepare_uring_fixed,
            .move = move_by_uring_read_fixed_send)},
    {"uring-send-zc", "io_uring SEND_ZC",
     METHOD(.sink = TCP_DRAIN, .buffer_size = WHOLE_SIZE, .prepare = prepare_uring_send_zc,
            .move = move_by_uring_send_zc)},
    // through other channels
    {"unix-stream", "read + write, Unix socket",
     METHOD(.source = HOT_FILE, .sink = UNIX_DRAIN, .buffer_size = 64 * KIB, .move = move_by_read_write)},
    {"read-pipe", "read + write, pipe",
     METHOD(.source = HOT_FILE, .sink = PIPE_DRAIN, .buffer_size = 64 * KIB, .move = move_by_read_write)},
    {"recv-trunc", "recv with MSG_TRUNC", METHOD(.source = TCP_FEED, .move = move_by_recv_trunc)},
    {"process-vm-readv", "process_vm_readv",
     METHOD(.source = CHILD_MEMORY, .buffer_size = 64 * KIB, .move = move_by_process_vm_readv)},
    // into files
    {"read-write-file", "read + write to a file",
     METHOD(.source = HOT_FILE, .sink = NEW_FILE, .buffer_size = 64 * KIB, .move = move_by_read_write)},
    {"write-fsync", "read + write + fsync",
     METHOD(.source = HOT_FILE, .sink = NEW_FILE, .buffer_size = 64 * KIB, .move = move_by_read_write_fsync)},
    {"sendfile-file", "sendfile to a file", METHOD(.source = HOT_FILE, .sink = NEW_FILE, .move = move_by_sendfile)},
    {"splice-file", "splice to a file",
     METHOD(.source = HOT_FILE, .sink = NEW_FILE, .prepare = prepare_splice, .move = move_by_splice)},
    {"copy-file-range", "copy_file_range",
     METHOD(.source = HOT_FILE, .sink = NEW_FILE, .move = move_by_copy_file_range)},
    {"direct-file", "O_DIRECT read + write",
     METHOD(.source = DIRECT_FILE, .sink = NEW_DIRECT_FILE, .buffer_size = MIB, .move = move_by_direct_io)},
    {"direct-unaligned", "O_DIRECT, misaligned, turned off",
     METHOD(.source = DIRECT_FILE, .sink = NEW_FILE, .buffer_size = 64 * KIB, .prepare = prepare_direct_unaligned,
            .move = move_by_direct_unaligned)},
    {"direct-tmpfs", "O_DIRECT read on tmpfs",
     METHOD(.source = DIRECT_TMPFS, .sink = DEV_NULL, .buffer_size = MIB, .move = move_by_direct_io)},
    {"aio-direct", "Linux AIO, O_DIRECT",
     METHOD(.source = DIRECT_FILE, .sink = NEW_DIRECT_FILE, .buffer_size = MIB, .prepare = prepare_aio,
            .move = move_by_aio)},
    {"uring-fixed-direct", "io_uring fixed buffer, O_DIRECT",
     METHOD(.source = DIRECT_FILE, .sink = NEW_DIRECT_FILE, .buffer_size = MIB, .prepare = prepare_uring_fixed,
            .move = move_by_uring_fixed_direct)},
};

const struct transfer_row *transfer_lab_rows(size_t *count)
{
    *count = sizeof(rows) / sizeof(rows[0]);
    return rows;
}

const struct transfer_method *find_method(const char *name)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!strcmp(rows[i].name, name))
            return rows[i].method;
    return NULL;
}
