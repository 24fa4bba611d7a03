// MSG_ZEROCOPY and io_uring's SEND_ZC: what was promised at the send, and what became of it. net/core/skbuff.c
#pragma once

#include "ledger.bpf.h"

#define IORING_CQE_F_NOTIF 8
#define IORING_SEND_ZC_REPORT_USAGE 8
#define IORING_NOTIF_USAGE_ZC_COPIED 0x80000000u

// A socket that sends without copying. Sends are handed to the device before the call returns that tells whose they
// are, so `to_copy` and `device` may wait here for the socket to get a record.
struct zerocopy_socket {
    u64 file_id; // of the fd that sent last; 0: not known yet
    u64 inode;   // of the socket: its address is used again by others
    u64 sent;    // bytes, by all MSG_ZEROCOPY sends
    u64 to_copy;
    u64 device;
    u32 first; // number of the first such send that was seen
    u32 reserved;
};

struct zerocopy_send_key {
    u64 sk;
    u32 number; // sk->sk_zckey: each send has the next one
    u32 reserved;
};

LRU(zerocopy_sockets, 16384, u64, struct zerocopy_socket);
// `sent` after each send: a completion names a range of sends, and the difference is its bytes. What was pushed out
// before its completion came stays unresolved.
LRU(zerocopy_sends, 65536, struct zerocopy_send_key, u64);

// The socket's entry, for a send by the fd with this record.
static __always_inline struct zerocopy_socket *zerocopy_socket_of(u64 sk, struct iotrace_file_record *record, u32 first)
{
    struct zerocopy_socket fresh = {.file_id = record->file_id, .inode = record->inode, .first = first};
    struct zerocopy_socket *entry = bpf_map_lookup_elem(&zerocopy_sockets, &sk);

    if (entry && entry->inode == record->inode && entry->file_id) { // perhaps by another fd of the same socket
        entry->file_id = record->file_id;
        return entry;
    }
    if (entry && !entry->file_id) { // the device was faster
        entry->file_id = record->file_id;
        entry->inode = record->inode;
        entry->first = first;
        entry->sent = 0;
        __sync_fetch_and_add(&record->ledger.zc_to_copy, entry->to_copy);
        __sync_fetch_and_add(&record->ledger.zc_device, entry->device);
        if (entry->to_copy)
            record->zc_reason = IOTRACE_ZC_LOOPBACK;
        return entry;
    }
    PUT(zerocopy_sockets, &sk, &fresh);
    return bpf_map_lookup_elem(&zerocopy_sockets, &sk);
}

static __always_inline bool is_ip(u8 type)
{
    return type == IOTRACE_FILE_TCP || type == IOTRACE_FILE_UDP;
}

static __always_inline bool is_unix(u8 type)
{
    return type == IOTRACE_FILE_UNIX_STREAM || type == IOTRACE_FILE_UNIX_DGRAM || type == IOTRACE_FILE_UNIX_SEQPACKET;
}

static __always_inline void charge_accepted(struct iotrace_thread_state *thread, struct iotrace_file_record *record,
                                            u32 operation, u64 moved, u64 messages)
{
    record->zc_operation = operation;
    if (moved / messages < IOTRACE_ZC_SMALL_BYTES)
        hide(record->process_id, record->file_id, operation, IOTRACE_HINT_ZC_SMALL, moved);
    CHARGE(out_not_copied, moved);
    CHARGE(zc_sent, moved);
    CHARGE(zc_sends, messages);
}

#define ZC_MESSAGES 64

// Messages of a sendmmsg with MSG_ZEROCOPY, each of which has a number of its own.
struct zerocopy_walk {
    struct zerocopy_send_key key;
    u64 total;
    u64 where;
};

static long note_zerocopy_message(u32 index, struct zerocopy_walk *walk)
{
    u32 length;

    if (bpf_probe_read_user(&length, sizeof(length), (void *)(walk->where + index * MMSGHDR_BYTES + MMSGHDR_LENGTH)))
        return 1;
    walk->total += length;
    PUT(zerocopy_sends, &walk->key, &walk->total);
    walk->key.number++;
    return 0;
}

// A send with MSG_ZEROCOPY. net/ipv4/tcp.c: tcp_sendmsg_locked(), net/ipv4/ip_output.c: __ip_append_data()
__noinline int account_zerocopy_send(struct iotrace_thread_state *thread, s32 number, u64 moved, u64 messages,
                                     u64 where)
{
    struct iotrace_thread_header *header;
    struct zerocopy_socket *entry;
    struct zerocopy_send_key key = {};
    struct zerocopy_walk walk = {};
    struct iotrace_fd_counter *fd;
    struct iotrace_file_record *record;
    u64 sk;
    u32 code = 0, next, nr;
    u64 total;

    if (!thread || !moved)
        return 0;
    header = &thread->header;
    nr = header->call_nr;
    fd = &thread->fds[(u32)number % IOTRACE_FD_SLOTS];
    record = file_record(fd->file_id);
    COUNT(calls_elsewhere);
    if (!record || !(is_ip(record->type) || is_unix(record->type))) { // vsock, for one, has a way of its own
        charge_unknown(thread, record, false, moved);
        return 0;
    }
    sk = sock_of_file(record->file);
    if (is_unix(record->type))
        code = IOTRACE_HIDDEN_ZC_UNSUPPORTED;
    else if (!(NUMBER_IN(sock, sk, __sk_common.skc_flags) >> bpf_core_enum_value(enum sock_flags, SOCK_ZEROCOPY) & 1))
        code = IOTRACE_HIDDEN_ZC_NOT_ENABLED;
    else if (route_lacks_scatter_gather(sk)) {
        if (record->type == IOTRACE_FILE_UDP) {
            code = IOTRACE_HIDDEN_ZC_NO_SG;
        } else {
            record->zc_reason = IOTRACE_ZC_NO_SCATTER_GATHER;
            __sync_fetch_and_add(&record->ledger.zc_to_copy, moved);
        }
    }
    if (code) {
        hide(header->process_id, record->file_id, nr, code, moved);
        COUNT(kernel_copied_operations);
        if (code != IOTRACE_HIDDEN_ZC_NO_SG)
            return 0;
    } else {
        charge_accepted(thread, record, nr, moved, messages ?: 1);
    }
    next = NUMBER_IN(sock, sk, sk_zckey.counter);
    key.sk = sk;
    if (!messages)
        messages = 1;
    key.number = next - messages;
    entry = zerocopy_socket_of(key.sk, record, key.number);
    if (!entry)
        return 0;
    if (code) { // it gets a number and a completion all the same
        total = entry->sent;
        PUT(zerocopy_sends, &key, &total);
        return 0;
    }
    total = __sync_fetch_and_add(&entry->sent, moved);
    if (messages == 1) {
        total += moved;
        PUT(zerocopy_sends, &key, &total);
        return 0;
    }
    if (messages > ZC_MESSAGES)
        LOSE(user_read_failed, messages - ZC_MESSAGES);
    walk.key = key;
    walk.total = total;
    walk.where = where;
    bpf_loop(messages < ZC_MESSAGES ? messages : ZC_MESSAGES, note_zerocopy_message, &walk, 0);
    return 0;
}

#define SO_EE_ORIGIN_ZEROCOPY 5
#define SO_EE_CODE_ZEROCOPY_COPIED 1
#define MSGHDR_CONTROL 32
#define MSGHDR_CONTROLLEN 40
#define CMSG_HEADER_BYTES 16
#define IPPROTO_IP 0
#define IPPROTO_IPV6 41
#define IP_RECVERR 11
#define IPV6_RECVERR 25
#define CMSGS 8

struct control_message {
    u64 length;
    u32 level, type;
    // struct sock_extended_err
    u32 error;
    u8 origin, ee_type, code, pad;
    u32 low, high;
};

// The bytes of the sends that a completion names.
static __always_inline u64 completed_bytes(u64 sk, struct zerocopy_socket *entry, u32 low, u32 high)
{
    struct zerocopy_send_key key = {.sk = sk, .number = high};
    u64 *until = bpf_map_lookup_elem(&zerocopy_sends, &key), *before = 0;

    if (!until)
        return 0;
    if (entry->first - low <= high - low) // the first that was seen is among them: differences of numbers that wrap
        return *until;
    key.number = low - 1;
    before = bpf_map_lookup_elem(&zerocopy_sends, &key);
    return before && *until > *before ? *until - *before : 0;
}

struct control_walk {
    struct iotrace_thread_state *thread;
    struct iotrace_file_record *record;
    struct zerocopy_socket *entry;
    u64 sk;
    u64 at, left; // where the next control message is, and the bytes from there on
};

// One control message; 1 when there is no other.
static long read_control_message(u32 index, struct control_walk *walk)
{
    struct iotrace_thread_state *thread = walk->thread;
    struct iotrace_file_record *record = walk->record;
    struct control_message control = {};
    u64 bytes;
    u32 sends;

    if (walk->left < CMSG_HEADER_BYTES)
        return 1;
    if (bpf_probe_read_user(&control, walk->left < sizeof(control) ? CMSG_HEADER_BYTES : sizeof(control),
                            (void *)walk->at)) {
        LOSE(user_read_failed, 1);
        return 1;
    }
    if (control.origin == SO_EE_ORIGIN_ZEROCOPY && ((control.level == IPPROTO_IP && control.type == IP_RECVERR) ||
                                                    (control.level == IPPROTO_IPV6 && control.type == IPV6_RECVERR))) {
        bytes = completed_bytes(walk->sk, walk->entry, control.low, control.high);
        sends = control.high - control.low + 1;
        if (!bytes) {
            // Sends from before the trace, or ones that were copied at once for lack of scatter/gather.
        } else if (control.code & SO_EE_CODE_ZEROCOPY_COPIED) {
            CHARGE(zc_copied, bytes);
            CHARGE(zc_sends_copied, sends);
        } else {
            CHARGE(zc_avoided, bytes);
            CHARGE(zc_sends_avoided, sends);
        }
    }
    control.length = (control.length + 7) & ~7ull;
    if (control.length < CMSG_HEADER_BYTES || control.length > walk->left)
        return 1;
    walk->at += control.length;
    walk->left -= control.length;
    return 0;
}

// A recvmsg from the error queue: completions of MSG_ZEROCOPY sends are in its control messages, in the caller's
// memory. Documentation/networking/msg_zerocopy.rst
__noinline int read_completions(struct iotrace_thread_state *thread, s32 number, u64 message)
{
    struct control_walk walk = {.thread = thread};
    struct iotrace_fd_counter *fd;
    struct iotrace_file_record *record;
    struct zerocopy_socket *entry;
    u64 sk;

    if (!thread)
        return 0;
    fd = &thread->fds[(u32)number % IOTRACE_FD_SLOTS];
    record = file_record(fd->file_id);
    if (!record)
        return 0;
    sk = sock_of_file(record->file);
    entry = bpf_map_lookup_elem(&zerocopy_sockets, &sk);
    if (!entry || entry->inode != record->inode)
        return 0;
    if (bpf_probe_read_user(&walk.at, 8, (void *)(message + MSGHDR_CONTROL)) ||
        bpf_probe_read_user(&walk.left, 8, (void *)(message + MSGHDR_CONTROLLEN))) {
        LOSE(user_read_failed, 1);
        return 0;
    }
    walk.record = record;
    walk.entry = entry;
    walk.sk = sk;
    bpf_loop(CMSGS, read_control_message, &walk, 0);
    return 0;
}
struct completion_walk {
    struct iotrace_thread_state *thread;
    s64 number;
    u64 vector;
};

static long read_next_completions(u32 index, struct completion_walk *walk)
{
    read_completions(walk->thread, walk->number, walk->vector + index * MMSGHDR_BYTES);
    return 0;
}

// The same for recvmmsg: each of its messages has its own control messages.
__noinline int read_completions_of_many(struct iotrace_thread_state *thread, s32 number, u64 vector, u64 messages)
{
    struct completion_walk walk = {.thread = thread, .number = number, .vector = vector};

    if (messages > ZC_MESSAGES) {
        LOSE(user_read_failed, messages - ZC_MESSAGES);
        messages = ZC_MESSAGES;
    }
    bpf_loop(messages, read_next_completions, &walk, 0);
    return 0;
}

#define SKBFL_ZEROCOPY_ENABLE 1

// What reached a device. A loopback device gives the pages to the receiver, for which the kernel copies them first
// (skb_orphan_frags_rx()); a device with a parent on a bus has them read by hardware. Other virtual devices hand them
// on, and what then happens is not known here. net/core/dev.c: xmit_one()
SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(watch_transmit, struct sk_buff *skb, struct net_device *device)
{
    struct zerocopy_socket *entry, fresh = {};
    struct iotrace_file_record *record = 0;
    u64 sk, bytes;
    bool loopback;

    sk = (u64)skb->sk;
    bytes = skb->data_len;
    if (!sk || !bytes)
        return 0;
    if (!(NUMBER_IN(skb_shared_info, skb->head + skb->end, flags) & SKBFL_ZEROCOPY_ENABLE))
        return 0;
    loopback = device->flags & IFF_LOOPBACK;
    if (!loopback && !BPF_CORE_READ(device, dev.parent))
        return 0;
    entry = bpf_map_lookup_elem(&zerocopy_sockets, &sk);
    if (entry)
        record = file_record(entry->file_id);
    // New, or new at the address of an old one: what a socket still sends after close() has no struct socket any more.
    if (!entry || (entry->file_id && (!record || (record->closed && BPF_CORE_READ(skb, sk, sk_socket))))) {
        PUT(zerocopy_sockets, &sk, &fresh);
        entry = bpf_map_lookup_elem(&zerocopy_sockets, &sk);
        record = 0;
        if (!entry)
            return 0;
    }
    __sync_fetch_and_add(loopback ? &entry->to_copy : &entry->device, bytes);
    if (record) {
        __sync_fetch_and_add(loopback ? &record->ledger.zc_to_copy : &record->ledger.zc_device, bytes);
        if (loopback)
            record->zc_reason = IOTRACE_ZC_LOOPBACK;
    }
    return 0;
}
