// The copy ledger: what became of the bytes of operations that are no plain copies between user and kernel. Plain ones
// never get here: user space takes what is counted here from the results of the calls.
#pragma once

#include "threads.bpf.h"

// UAPI values that the ledger acts on.
#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000
#define MSG_ZEROCOPY 0x4000000
#define MSG_SPECIAL (MSG_PEEK | MSG_TRUNC | MSG_ERRQUEUE | MSG_ZEROCOPY)
#define NR_RECVMSG 47
#define MMSGHDR_BYTES 64
#define MMSGHDR_LENGTH 56 // offset of msg_len

static __always_inline struct iotrace_file_record *file_record(u64 file_id)
{
    return file_id ? bpf_map_lookup_elem(&files, &file_id) : 0;
}

static __always_inline bool is_pipe(u8 type)
{
    return type == IOTRACE_FILE_PIPE || type == IOTRACE_FILE_FIFO;
}

// Adds to the thread's ledger, which only the thread itself writes, and to the fd's, which all its threads share.
#define CHARGE(field, amount)                                                                                          \
    do {                                                                                                               \
        u64 amount_ = (amount);                                                                                        \
        thread->header.ledger.field += amount_;                                                                        \
        if (record)                                                                                                    \
            __sync_fetch_and_add(&record->ledger.field, amount_);                                                      \
    } while (0)

// Operations are not counted for each fd: every locked addition costs a transfer some nanoseconds.
#define COUNT(field) (thread->header.ledger.field++)

// For what completes outside the thread that asked for it.
#define CHARGE_PROCESS(field, amount)                                                                                  \
    do {                                                                                                               \
        u64 amount_ = (amount);                                                                                        \
        if (process)                                                                                                   \
            __sync_fetch_and_add(&process->ledger.field, amount_);                                                     \
        if (record)                                                                                                    \
            __sync_fetch_and_add(&record->ledger.field, amount_);                                                      \
    } while (0)

// The entry of a key, made when it is new; 0 when the map is full.
#define FIND_OR_MAKE(entry, map, key, empty)                                                                           \
    do {                                                                                                               \
        entry = bpf_map_lookup_elem(&map, key);                                                                        \
        if (!entry) {                                                                                                  \
            bpf_map_update_elem(&map, key, empty, BPF_NOEXIST);                                                        \
            entry = bpf_map_lookup_elem(&map, key);                                                                    \
        }                                                                                                              \
    } while (0)

__noinline int note_hidden(u64 process_id, u64 file_id, u64 operation_and_code, u64 bytes)
{
    struct iotrace_hidden_key key = {.process_id = process_id, .file_id = file_id};
    struct iotrace_hidden *entry, empty = {};

    key.operation = operation_and_code >> 32;
    key.code = operation_and_code;
    FIND_OR_MAKE(entry, hidden_copies, &key, &empty);
    if (!entry) { // where there is no room, one row for many
        key.file_id = 0;
        FIND_OR_MAKE(entry, hidden_overflow, &key, &empty);
    }
    if (!entry) {
        LOSE(ledger_map_full, 1);
        return 0;
    }
    __sync_fetch_and_add(&entry->operations, 1);
    __sync_fetch_and_add(&entry->bytes, bytes);
    return 0;
}

static __always_inline void hide(u64 process_id, u64 file_id, u32 operation, u32 code, u64 bytes)
{
    note_hidden(process_id, file_id, (u64)operation << 32 | code, bytes);
}

static __always_inline void note_pair(struct iotrace_file_record *source, struct iotrace_file_record *sink, u64 bytes,
                                      u64 copied, u64 unknown)
{
    struct iotrace_pair_key key = {.process_id = source->process_id, .source = source->pair_id, .sink = sink->pair_id};
    struct iotrace_pair *pair, empty = {};

    FIND_OR_MAKE(pair, pairs, &key, &empty);
    if (!pair) { // where there is no room, one row for many
        key.source = key.sink = 0;
        FIND_OR_MAKE(pair, pair_overflow, &key, &empty);
    }
    if (!pair) {
        LOSE(ledger_map_full, 1);
        return;
    }
    __sync_fetch_and_add(&pair->operations, 1);
    __sync_fetch_and_add(&pair->bytes, bytes);
    if (copied)
        __sync_fetch_and_add(&pair->kernel_to_kernel, copied);
    if (unknown)
        __sync_fetch_and_add(&pair->unknown, unknown);
}

// What devices did in a call goes to its fds.
static __always_inline void charge_devices(struct iotrace_thread_state *thread, struct iotrace_file_record *read_from,
                                           struct iotrace_file_record *written_to)
{
    struct iotrace_thread_header *header = &thread->header;

    if (read_from)
        __sync_fetch_and_add(&read_from->ledger.dma_in, header->pending_dma_in);
    if (written_to)
        __sync_fetch_and_add(&written_to->ledger.dma_out, header->pending_dma_out);
    header->pending_dma_in = 0;
    header->pending_dma_out = 0;
    header->pending_direct_in = 0;
    header->pending_direct_out = 0;
    header->pending_io = 0;
}

// How many bytes of an operation on an O_DIRECT fd went straight between the device and the caller's pages. iomap says
// so itself (fs/iomap/direct-io.c: iomap_dio_complete()). Where iomap is not involved, what was submitted to the block
// layer meanwhile tells; a file system that may do it by iomap is not judged by that, since its buffered fallback
// submits too.
static __always_inline u64 direct_bytes(struct iotrace_thread_header *header, struct iotrace_file_record *record,
                                        u64 moved, bool in, bool *observed)
{
    u64 direct = in ? header->pending_direct_in : header->pending_direct_out;

    *observed = true;
    if (record->direct_way == IOTRACE_DIRECT_NEVER)
        return 0;
    if (!direct && record->direct_way == IOTRACE_DIRECT_BY_BIO) {
        direct = in ? header->pending_dma_in : header->pending_dma_out;
        *observed = false;
    }
    return direct < moved ? direct : moved;
}

static __always_inline void charge_direct(struct iotrace_thread_state *thread, struct iotrace_file_record *record,
                                          bool in, u64 bytes, bool observed)
{
    if (in)
        CHARGE(in_not_copied, bytes);
    else
        CHARGE(out_not_copied, bytes);
    if (observed)
        CHARGE(avoided_observed, bytes);
    else
        CHARGE(avoided, bytes);
    CHARGE(direct, bytes);
    COUNT(direct_operations);
}

static __always_inline void charge_unknown(struct iotrace_thread_state *thread, struct iotrace_file_record *record,
                                           bool in, u64 bytes)
{
    if (in)
        CHARGE(in_not_copied, bytes);
    else
        CHARGE(out_not_copied, bytes);
    CHARGE(unknown, bytes);
}

// For requests that nobody waits for, what was submitted meanwhile tells nothing.
static __always_inline bool direct_is_unknown(struct iotrace_file_record *record)
{
    return record->direct_way == IOTRACE_DIRECT_UNKNOWN || record->direct_way == IOTRACE_DIRECT_BY_BIO;
}

static __always_inline bool asks_for_direct(struct iotrace_file_record *record, u32 f_flags)
{
    return f_flags & O_DIRECT && (record->type == IOTRACE_FILE_REGULAR || record->type == IOTRACE_FILE_BLOCK);
}

// The room that a receive had for the message: the length argument, or what the iovecs of the msghdr add up to.
#define MSGHDR_IOV 16
#define MSGHDR_IOVLEN 24
#define IOVECS 64
struct room_walk {
    u64 iov;
    u64 room;
};

static long add_room(u32 index, struct room_walk *walk)
{
    struct {
        u64 base, length;
    } vector;

    if (bpf_probe_read_user(&vector, sizeof(vector), (void *)(walk->iov + index * sizeof(vector)))) {
        walk->room = (u64)-1;
        return 1;
    }
    walk->room += vector.length;
    return 0;
}

static __noinline u64 receive_room(u32 nr, u64 where)
{
    struct room_walk walk = {};
    u64 count = 0;

    if (nr != NR_RECVMSG)
        return where;
    if (bpf_probe_read_user(&walk.iov, 8, (void *)(where + MSGHDR_IOV)) ||
        bpf_probe_read_user(&count, 8, (void *)(where + MSGHDR_IOVLEN)) || count > IOVECS)
        return (u64)-1;
    bpf_loop(count, add_room, &walk, 0);
    return walk.room;
}

// How much of a receive with MSG_TRUNC reached user memory. TCP throws the bytes away (net/ipv4/tcp.c:
// tcp_recvmsg_locked()); datagram sockets return the message's length and copy what there is room for (net/ipv4/udp.c:
// udp_recvmsg(), net/unix/af_unix.c: __unix_dgram_recvmsg()); AF_UNIX streams ignore the flag.
static __always_inline u64 received(u8 type, u32 nr, u64 where, u64 moved)
{
    u64 room;

    if (type == IOTRACE_FILE_TCP)
        return 0;
    if (type == IOTRACE_FILE_UNIX_STREAM)
        return moved;
    room = receive_room(nr, where);
    return room < moved ? room : moved;
}

// A call on a device that moves no payload. The fd's own ledger follows from the device: user space does that.
static __always_inline void charge_device(struct iotrace_thread_header *header, u32 kind, u64 moved)
{
    if (kind == IOTRACE_KIND_READ)
        header->ledger.in_not_copied += moved;
    else if (kind == IOTRACE_KIND_WRITE)
        header->ledger.out_not_copied += moved;
    else
        return;
    header->ledger.calls_elsewhere++;
}

// A read- or write-type call that may be something else than a plain copy. `where` is the length of a receive buffer,
// or the address of a msghdr or an mmsghdr array.
__noinline int account_call(struct iotrace_thread_state *thread, s32 number, u64 moved, u32 msg_flags, u64 where)
{
    struct iotrace_thread_header *header;
    struct iotrace_fd_counter *fd;
    struct iotrace_file_record *record;
    bool in, sync, observed;
    u32 kind, nr;
    u64 direct;

    if (!thread)
        return 0;
    header = &thread->header;
    nr = header->call_nr;
    kind = trait_of(nr).kind;
    in = kind == IOTRACE_KIND_READ || kind == IOTRACE_KIND_RECVMMSG;
    sync = in || kind == IOTRACE_KIND_WRITE || kind == IOTRACE_KIND_SENDMMSG;
    fd = &thread->fds[(u32)number % IOTRACE_FD_SLOTS];
    if (sync && fd->device) {
        charge_device(header, kind, moved);
        if (!header->pending_io)
            return 0;
    }
    record = file_record(fd->file_id);
    if (record && sync && asks_for_direct(record, fd->f_flags) && moved) {
        direct = direct_bytes(header, record, moved, in, &observed);
        if (direct) {
            charge_direct(thread, record, in, direct, observed);
        } else if (record->direct_way == IOTRACE_DIRECT_UNKNOWN) {
            charge_unknown(thread, record, in, moved);
        } else {
            hide(header->process_id, fd->file_id, nr, IOTRACE_HIDDEN_NOT_DIRECT, moved);
            COUNT(kernel_copied_operations);
        }
        COUNT(calls_elsewhere);
    } else if (moved && in && msg_flags & (MSG_TRUNC | MSG_PEEK)) {
        if (msg_flags & MSG_TRUNC) {
            if (kind == IOTRACE_KIND_RECVMMSG) // the lengths of its messages say nothing of the room they had
                charge_unknown(thread, record, true, moved);
            else
                CHARGE(in_not_copied, moved - received(fd->type, nr, where, moved));
        }
        if (msg_flags & MSG_PEEK)
            CHARGE(in_not_payload, moved);
    }
    if (header->pending_io)
        charge_devices(thread, record, record);
    return 0;
}

// What a copy_file_range did. A file system that can share extents tries that first, and then leaves no page of the
// range in the destination's page cache; otherwise the kernel splices, which fills it. fs/read_write.c:
// vfs_copy_file_range()
static __always_inline u32 copy_range_way(u64 file, u64 moved)
{
    struct file *destination = (void *)file;
    u64 pages;

    if (BPF_CORE_READ(destination, f_op,
                      copy_file_range)) // a server may do it, or a file system below, or none of them
        return IOTRACE_SPLICE_UNKNOWN;
    if (!BPF_CORE_READ(destination, f_op, remap_file_range))
        return IOTRACE_SPLICE_COPIES;
    pages = BPF_CORE_READ(destination, f_inode, i_mapping, nrpages);
    if (!pages)
        return IOTRACE_SPLICE_REFERENCES;
    return pages * PAGE_SIZE >= moved ? IOTRACE_SPLICE_COPIES : IOTRACE_SPLICE_UNKNOWN;
}

static __always_inline u64 sock_of_file(u64 file)
{
    u64 socket = POINTER_IN(struct file, file, private_data);
    return socket ? POINTER_IN(struct socket, socket, sk) : 0;
}

#define NETIF_F_SG 1

// Whether the device that the socket's packets go to cannot take scattered pages. A socket without a route of its own
// (unconnected UDP) does not say. TCP takes pages all the same, and has them copied into one piece before the device
// gets them (net/core/dev.c: validate_xmit_skb()); UDP copies at once (net/ipv4/ip_output.c: __ip_append_data()).
static __always_inline bool route_lacks_scatter_gather(u64 sk)
{
    u64 route = POINTER_IN(struct sock, sk, sk_dst_cache);
    u64 device = route ? POINTER_IN(struct dst_entry, route, dev) : 0;
    return device && !(POINTER_IN(struct net_device, device, features) & NETIF_F_SG);
}

static __always_inline u32 stream_way(struct iotrace_file_record *sink)
{
    return sink->splice_sink == IOTRACE_SPLICE_SENDPAGE ? IOTRACE_SPLICE_REFERENCES : sink->splice_sink;
}

// What a sink does with pages that are spliced into it.
__noinline u32 sink_way(struct iotrace_file_record *sink)
{
    u64 sk;

    if (!sink)
        return IOTRACE_SPLICE_UNKNOWN;
    if (is_pipe(sink->type) || sink->char_device == IOTRACE_DEVICE_NULL)
        return IOTRACE_SPLICE_REFERENCES;
    if (!is_socket(sink->type))
        return sink->splice_sink;
    // MSG_SPLICE_PAGES is a wish, which protocols may ignore.
    switch (sink->type) {
    case IOTRACE_FILE_TCP:
        sk = sock_of_file(sink->file);
        if (NUMBER_IN(sock, sk, sk_protocol) == IPPROTO_MPTCP) // net/mptcp/protocol.c: mptcp_sendmsg()
            return IOTRACE_SPLICE_COPIES;
        if (POINTER_IN(struct inet_connection_sock, sk, icsk_ulp_ops)) // kTLS and its like make pages of their own
            return IOTRACE_SPLICE_UNKNOWN;
        return route_lacks_scatter_gather(sk) ? IOTRACE_SPLICE_COPIES : stream_way(sink);
    case IOTRACE_FILE_UDP:
        // The sendpage of 6.1 passed references, until an update of it came to copy (net/ipv4/udp.c: udp_sendpage()).
        if (sink->splice_sink == IOTRACE_SPLICE_SENDPAGE)
            return IOTRACE_SPLICE_UNKNOWN;
        return route_lacks_scatter_gather(sock_of_file(sink->file)) ? IOTRACE_SPLICE_COPIES : sink->splice_sink;
    case IOTRACE_FILE_UNIX_STREAM:
        return stream_way(sink);
    case IOTRACE_FILE_UNIX_DGRAM: // net/unix/af_unix.c: unix_dgram_sendmsg()
    case IOTRACE_FILE_UNIX_SEQPACKET:
        return IOTRACE_SPLICE_COPIES;
    default:
        return IOTRACE_SPLICE_UNKNOWN;
    }
}

// Why a sink copied what was spliced into it.
__noinline u32 sink_reason(struct iotrace_file_record *sink)
{
    if (!sink)
        return IOTRACE_HIDDEN_SPLICE_SINK;
    if (sink->type == IOTRACE_FILE_REGULAR || sink->type == IOTRACE_FILE_BLOCK)
        return IOTRACE_HIDDEN_SPLICE_INTO_FILE;
    if ((sink->type == IOTRACE_FILE_UDP || sink->type == IOTRACE_FILE_TCP) &&
        route_lacks_scatter_gather(sock_of_file(sink->file)))
        return IOTRACE_HIDDEN_ZC_NO_SG;
    return IOTRACE_HIDDEN_SPLICE_SINK;
}

// An operation that moves bytes from one fd to another, or between a pipe and user memory.
__noinline int account_transfer(struct iotrace_thread_state *thread, u64 source_id, s32 number, u64 moved)
{
    struct iotrace_thread_header *header;
    struct iotrace_fd_counter *fd;
    struct iotrace_file_record *source, *sink, *record;
    u64 direct = 0, copied = 0, unknown = 0, charged_id;
    bool observed = true;
    u32 kind, way, nr;

    if (!thread)
        return 0;
    header = &thread->header;
    nr = header->call_nr;
    kind = trait_of(nr).kind;
    fd = &thread->fds[(u32)number % IOTRACE_FD_SLOTS];
    sink = number >= 0 ? file_record(fd->file_id) : 0;
    source = file_record(source_id);
    if (!moved || !sink || !source) {
        if (moved) { // which fds they were is not known, so how the bytes moved is not either
            header->ledger.unknown += moved;
            header->ledger.other_in += moved;
            header->ledger.other_out += moved;
            header->ledger.in_not_copied += moved;
            header->ledger.out_not_copied += moved;
            if (source)
                __sync_fetch_and_add(&source->ledger.in_not_copied, moved);
            if (sink) {
                __sync_fetch_and_add(&sink->ledger.out_not_copied, moved);
                __sync_fetch_and_add(&sink->ledger.unknown, moved);
            }
        }
        if (header->pending_io)
            charge_devices(thread, source, sink);
        return 0;
    }
    read_flags(source->file, &source->f_flags, &source->watched);
    read_flags(sink->file, &sink->f_flags, &sink->watched);
    __sync_fetch_and_add(&source->ledger.in_not_copied, moved);
    __sync_fetch_and_add(&sink->ledger.out_not_copied, moved);
    // Of a splice the end that is no pipe is the payload; between two pipes, and for all other calls, both are.
    if (kind == IOTRACE_KIND_SPLICE && is_pipe(source->type) && !is_pipe(sink->type))
        __sync_fetch_and_add(&source->ledger.in_not_payload, moved);
    else
        header->ledger.other_in += moved, header->ledger.in_not_copied += moved;
    if (kind == IOTRACE_KIND_SPLICE && is_pipe(sink->type) && !is_pipe(source->type))
        __sync_fetch_and_add(&sink->ledger.out_not_payload, moved);
    else
        header->ledger.other_out += moved, header->ledger.out_not_copied += moved;
    record = is_pipe(sink->type) && !is_pipe(source->type) ? source : sink;
    charged_id = record->file_id;

    if (kind == IOTRACE_KIND_COPY_RANGE) {
        way = copy_range_way(sink->file, moved);
        if (way == IOTRACE_SPLICE_COPIES && asks_for_direct(sink, sink->f_flags)) // it splices, past the page cache
            direct = direct_bytes(header, sink, moved, false, &observed);
        if (way == IOTRACE_SPLICE_COPIES && direct < moved) {
            direct = 0;
            copied = moved;
            hide(header->process_id, charged_id, nr, IOTRACE_HIDDEN_COPY_RANGE, moved);
        } else if (way == IOTRACE_SPLICE_UNKNOWN) {
            unknown = moved;
        }
    } else if (kind != IOTRACE_KIND_TEE) {
        // fs/splice.c: do_splice_read() goes to copy_splice_read() for O_DIRECT too, which then fills its pages from
        // the device.
        if (!is_pipe(source->type)) {
            way = source->splice_source;
            if (asks_for_direct(source, source->f_flags)) {
                direct = direct_bytes(header, source, moved, true, &observed);
                way = IOTRACE_SPLICE_COPIES;
            }
            if (way == IOTRACE_SPLICE_COPIES && direct < moved) {
                copied += moved - direct;
                hide(header->process_id, charged_id, nr, IOTRACE_HIDDEN_SPLICE_SOURCE, moved - direct);
            } else if (way == IOTRACE_SPLICE_UNKNOWN) {
                unknown = moved;
            }
        }
        way = sink_way(sink);
        if (asks_for_direct(sink, sink->f_flags)) {
            direct = direct_bytes(header, sink, moved, false, &observed);
            if (direct == moved)
                way = IOTRACE_SPLICE_REFERENCES;
        }
        if (way == IOTRACE_SPLICE_COPIES) {
            copied += moved;
            hide(header->process_id, charged_id, nr, sink_reason(sink), moved);
        } else if (way == IOTRACE_SPLICE_UNKNOWN) {
            unknown = moved;
        }
    }
    if (copied) {
        unknown = 0;
        CHARGE(kernel_to_kernel, copied);
        COUNT(kernel_copied_operations);
        if (copied < moved) { // the rest of an O_DIRECT source
            if (observed)
                CHARGE(avoided_observed, moved - copied);
            else
                CHARGE(avoided, moved - copied);
            CHARGE(direct, moved - copied);
        }
    } else if (unknown) {
        direct = 0;
        CHARGE(unknown, unknown);
    } else {
        if (direct && observed) {
            CHARGE(avoided_observed, direct);
            CHARGE(avoided, moved - direct);
        } else {
            CHARGE(avoided, moved);
        }
        if (direct) {
            CHARGE(direct, direct);
            COUNT(direct_operations);
        } else {
            COUNT(zero_copy_operations);
        }
    }
    note_pair(source, sink, moved, copied, unknown);
    if (header->pending_io)
        charge_devices(thread, source, sink);
    return 0;
}

// vmsplice: pages of user memory go into a pipe by reference; out of a pipe the bytes are copied. fs/splice.c
__noinline int account_vmsplice(struct iotrace_thread_state *thread, s32 number, u64 moved)
{
    struct iotrace_fd_counter *fd;
    struct iotrace_file_record *record;

    if (!thread)
        return 0;
    fd = &thread->fds[(u32)number % IOTRACE_FD_SLOTS];
    record = file_record(fd->file_id);
    if (fd->f_flags & O_ACCMODE) {
        thread->header.ledger.other_out += moved;
        CHARGE(out_not_copied, moved);
        CHARGE(avoided, moved);
        COUNT(zero_copy_operations);
    } else {
        thread->header.ledger.other_in += moved;
        COUNT(other_operations);
    }
    return 0;
}
