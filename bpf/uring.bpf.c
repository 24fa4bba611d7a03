// io_uring: operations that never were system calls. Their results are in the completions, which are posted in the
// context of the thread that owns the ring or of one of its workers. io_uring/io_uring.c:
// __io_submit_flush_completions()
#include "blockio.bpf.c"
#include "requests.bpf.h"
#include "zerocopy.bpf.c"

// Opcodes: include/uapi/linux/io_uring.h
#define OP_READV 1
#define OP_WRITEV 2
#define OP_READ_FIXED 4
#define OP_WRITE_FIXED 5
#define OP_SENDMSG 9
#define OP_RECVMSG 10
#define OP_POLL_ADD 6
#define OP_TIMEOUT 11
#define OP_ACCEPT 13
#define OP_READ 22
#define OP_WRITE 23
#define OP_SEND 26
#define OP_RECV 27
#define OP_SPLICE 30
#define OP_TEE 33
#define OP_SEND_ZC 47
#define OP_SENDMSG_ZC 48
#define OP_READ_MULTISHOT 49
#define OP_READV_FIXED 60
#define OP_WRITEV_FIXED 61

#define IORING_RECV_MULTISHOT 2
#define IORING_CQE_F_MORE 2

// A zero-copy send and the notification that says what became of it: two requests of the kernel, linked at the
// submission.
struct uring_notification {
    u64 file_id;
    u64 bytes; // 0: the send has not completed yet
    u32 reports_usage;
    u32 result; // of a notification that came first
    u32 arrived;
    u32 opcode;
};
// As many as one ring takes at once (IORING_MAX_ENTRIES). A send that is dropped before its end stays unresolved.
LRU(uring_notifications, 32768, u64, struct uring_notification); // by the address of the notification's request
LRU(uring_sends, 32768, u64, u64);                               // from the send's request to its notification's

// Completions of multishot requests, and those that found the completion queue full, name no request, only its
// user_data. Where a program uses the same for many requests, the last one is meant.
struct uring_name {
    u64 ring;
    u64 user_data;
    u64 zerocopy; // 1: a zero-copy send
};
struct uring_named {
    u64 request; // 0: a multishot
    u64 file_id;
    u32 opcode;
    u32 reserved;
};
LRU(uring_names, 65536, struct uring_name, struct uring_named);

#define IORING_SETUP_SQPOLL 2
#define IORING_SETUP_REGISTERED_FD_ONLY (1 << 15)

static __always_inline u32 setup_flags(struct io_ring_ctx *ring)
{
    return BPF_CORE_READ(ring, flags);
}

#define NR_IO_URING_ENTER 426
#define IORING_ENTER_REGISTERED_RING 16

static __always_inline void note_ring(struct iotrace_thread_state *thread, struct io_ring_ctx *ring)
{
    struct iotrace_ring_key key = {.process_id = thread->header.process_id, .ring = (u64)ring};
    struct iotrace_ring fresh = {.fd = -1};
    struct pt_regs *regs;

    if (thread->header.last_ring == key.ring)
        return;
    thread->header.last_ring = key.ring;
    if (bpf_map_lookup_elem(&uring_rings, &key))
        return;
    fresh.setup_flags = setup_flags(ring);
    if (!(thread->header.flags & IOTRACE_THREAD_KERNEL)) { // the call that has it work names the fd
        regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
        if (BPF_CORE_READ(regs, orig_ax) == NR_IO_URING_ENTER &&
            !(BPF_CORE_READ(regs, r10) & IORING_ENTER_REGISTERED_RING))
            fresh.fd = BPF_CORE_READ(regs, di);
    }
    PUT(uring_rings, &key, &fresh);
}

// One completion of a request of the ring that the thread used last, by its opcode. `address` is 0 where nothing can be
// pending for it.
__noinline int count_request(struct iotrace_thread_state *thread, u64 address, u32 opcode, s32 result, u32 moved)
{
    struct iotrace_request_key key = {.operation = IOTRACE_OPERATION_URING | opcode};
    struct io_kiocb *request = (void *)address;
    struct iotrace_request_counter *counter;
    struct pending_request *pending;
    u64 name;

    if (!thread)
        return 0;
    key.process_id = thread->header.process_id;
    key.queue = thread->header.last_ring;
    counter = request_counter(&key);
    if (!counter)
        return 0;
    count_completed(counter, result, moved);
    if (!address)
        return 0;
    pending = bpf_map_lookup_elem(&pending_requests, &address);
    if (!pending)
        return 0;
    name = pending->name;
    if (name == BPF_CORE_READ(request, cqe.user_data)) {
        if (pending->detours & REQUEST_PUNTED)
            __sync_fetch_and_add(&counter->punted, 1);
        else if (pending->detours)
            __sync_fetch_and_add(&counter->poll_armed, 1);
        if (pending->submitted_ns)
            record_request(key.process_id, key.queue, key.operation, pending->submitted_ns);
    }
    forget_pending(address, name);
    return 0;
}

// A further completion of a request that has completed, or goes on.
__noinline int count_further(struct iotrace_thread_state *thread, u32 opcode, u32 notification, u32 moved)
{
    struct iotrace_request_key key = {.operation = IOTRACE_OPERATION_URING | opcode};
    struct iotrace_request_counter *counter;

    if (!thread)
        return 0;
    key.process_id = thread->header.process_id;
    key.queue = thread->header.last_ring;
    counter = request_counter(&key);
    if (!counter)
        return 0;
    __sync_fetch_and_add(notification ? &counter->notifications : &counter->multishot, 1);
    if (moved)
        __sync_fetch_and_add(&counter->bytes, moved);
    return 0;
}

static __always_inline u64 request_file(struct iotrace_thread_state *thread, struct io_kiocb *request)
{
    u64 file = (u64)BPF_CORE_READ(request, file);
    return file ? file_id_of_open(thread->header.process_id, file) : 0;
}

static __always_inline struct iotrace_thread_state *uring_thread(void)
{
    struct iotrace_thread_state *thread = state_of(bpf_get_current_task_btf());
    return thread && !(thread->header.flags & IOTRACE_THREAD_INACTIVE) ? thread : 0;
}

// include/linux/io_uring_types.h
#define REQ_F_FIXED_FILE 1
#define REQ_F_LINK 4
#define REQ_F_HARDLINK 8
#define REQ_F_CQE_SKIP 64

// A completion names only the file, so an fd that is new to the trace is named here. 0 for a registered file, which a
// request gets later.
static __always_inline u64 submitted_file(struct iotrace_thread_state *thread, struct io_kiocb *request)
{
    struct iotrace_open_file_key key = {.process_id = thread->header.process_id};
    s32 fd = request->cqe.fd;
    u64 file, file_id;

    if (request->flags & REQ_F_FIXED_FILE)
        return 0;
    key.file = file = file_of_fd(fd);
    if (!file)
        return 0;
    file_id = known_open(&key);
    if (file_id)
        return file_id;
    file_id = file_id_of(key.process_id, fd, file, SCRATCH_TRACEPOINT);
    if (file_id)
        PUT(open_files, &key, &file_id);
    return file_id;
}

#define DIRECTION_NONE 0
#define DIRECTION_IN 1
#define DIRECTION_OUT 2
#define DIRECTION_OUT_ZC 3
#define DIRECTION_UNKNOWN 4

// Sets of opcodes, of which the highest in use is 61. The verifier follows a switch with each opcode by itself to the
// end of the program.
#define OP(opcode) (1ull << (opcode))
#define OPS_IN                                                                                                         \
    (OP(OP_READV) | OP(OP_READ_FIXED) | OP(OP_READ) | OP(OP_RECVMSG) | OP(OP_RECV) | OP(OP_READ_MULTISHOT) |           \
     OP(OP_READV_FIXED))
#define OPS_OUT (OP(OP_WRITEV) | OP(OP_WRITE_FIXED) | OP(OP_WRITE) | OP(OP_SENDMSG) | OP(OP_SEND) | OP(OP_WRITEV_FIXED))
#define OPS_OUT_ZC (OP(OP_SEND_ZC) | OP(OP_SENDMSG_ZC))
#define OPS_UNKNOWN (OP(OP_SPLICE) | OP(OP_TEE))
#define OPS_MOVING (OPS_IN | OPS_OUT | OPS_OUT_ZC | OPS_UNKNOWN)
#define OPS_FIXED (OP(OP_READ_FIXED) | OP(OP_WRITE_FIXED) | OP(OP_READV_FIXED) | OP(OP_WRITEV_FIXED))

static __always_inline bool is_one_of(u64 opcodes, u32 opcode)
{
    return opcode < 64 && opcodes & OP(opcode);
}

static __always_inline u32 direction_of(u32 opcode)
{
    return is_one_of(OPS_IN, opcode)        ? DIRECTION_IN
           : is_one_of(OPS_OUT, opcode)     ? DIRECTION_OUT
           : is_one_of(OPS_OUT_ZC, opcode)  ? DIRECTION_OUT_ZC
           : is_one_of(OPS_UNKNOWN, opcode) ? DIRECTION_UNKNOWN
                                            : DIRECTION_NONE;
}

static __always_inline void note_submission(struct io_kiocb *request)
{
    struct iotrace_thread_state *thread = uring_thread();
    struct io_sr_msg *message = (void *)request;
    struct uring_notification notification = {};
    struct iotrace_request_counter *counter;
    struct iotrace_request_key row = {};
    struct pending_request pending = {};
    struct uring_named named = {};
    struct uring_name name = {};
    u64 key = (u64)request, notif, flags, number;
    u8 opcode;

    if (!thread)
        return;
    opcode = request->opcode;
    number = thread->header.totals.uring_submitted++;
    flags = request->flags;
    name.ring = (u64)request->ctx;
    name.user_data = request->cqe.user_data;
    row.process_id = thread->header.process_id;
    row.queue = name.ring;
    row.operation = IOTRACE_OPERATION_URING | opcode;
    counter = request_counter(&row);
    if (counter) {
        __sync_fetch_and_add(&counter->submitted, 1);
        if (flags & (REQ_F_LINK | REQ_F_HARDLINK))
            __sync_fetch_and_add(&counter->linked, 1);
    }
    if (times_request(number) && !(flags & REQ_F_CQE_SKIP)) {
        pending.submitted_ns = bpf_ktime_get_ns();
        pending.name = name.user_data;
        put_pending(key, &pending);
    }
    named.opcode = opcode;
    if (opcode == OP_ACCEPT || opcode == OP_POLL_ADD || opcode == OP_TIMEOUT) { // may be multishot
        PUT(uring_names, &name, &named);
        return;
    }
    if (!is_one_of(OPS_MOVING, opcode))
        return;
    named.file_id = submitted_file(thread, request);
    if (is_one_of(OPS_OUT_ZC, opcode)) {
        notif = (u64)BPF_CORE_READ(message, notif);
        notification.opcode = opcode;
        notification.reports_usage = BPF_CORE_READ(message, flags) & IORING_SEND_ZC_REPORT_USAGE;
        PUT(uring_notifications, &notif, &notification);
        PUT(uring_sends, &key, &notif);
        named.request = key;
        name.zerocopy = 1;
        PUT(uring_names, &name, &named);
    } else if (opcode == OP_READ_MULTISHOT ||
               ((opcode == OP_RECV || opcode == OP_RECVMSG) && BPF_CORE_READ(message, flags) & IORING_RECV_MULTISHOT)) {
        PUT(uring_names, &name, &named);
    }
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(watch_submission, struct io_kiocb *request)
{
    note_submission(request);
    return 0;
}

// Its name before Linux 6.4.
SEC("tp_btf/io_uring_submit_sqe")
int BPF_PROG(watch_submission_by_sqe, struct io_kiocb *request)
{
    note_submission(request);
    return 0;
}

static __always_inline void resolve(struct iotrace_thread_state *thread, struct iotrace_file_record *record,
                                    struct uring_notification *notification)
{
    if (!notification->reports_usage)
        return;
    if (notification->result & IORING_NOTIF_USAGE_ZC_COPIED) {
        CHARGE(zc_copied, notification->bytes);
        CHARGE(zc_sends_copied, 1);
    } else {
        CHARGE(zc_avoided, notification->bytes);
        CHARGE(zc_sends_avoided, 1);
    }
}

// io_uring/notif.c: io_notif_tw_complete()
__noinline int account_notification(struct iotrace_thread_state *thread, u64 request, u32 result)
{
    struct uring_notification *notification = bpf_map_lookup_elem(&uring_notifications, &request);
    struct iotrace_file_record *record;

    if (!thread || !notification)
        return 0;
    notification->result = result;
    notification->arrived = 1;
    if (!notification->bytes) // its send has yet to complete
        return 0;
    record = file_record(notification->file_id);
    resolve(thread, record, notification);
    bpf_map_delete_elem(&uring_notifications, &request);
    return 0;
}

// A completed SEND_ZC or SENDMSG_ZC that moved bytes.
static __always_inline void account_uring_zerocopy(struct iotrace_thread_state *thread,
                                                   struct iotrace_file_record *record, u64 request, u32 opcode,
                                                   u64 moved)
{
    u64 *notif = bpf_map_lookup_elem(&uring_sends, &request), key;
    struct uring_notification *notification;

    charge_accepted(thread, record, IOTRACE_OPERATION_URING | opcode, moved, 1);
    zerocopy_socket_of(sock_of_file(record->file), record, 0);
    if (!notif)
        return;
    key = *notif;
    bpf_map_delete_elem(&uring_sends, &request);
    notification = bpf_map_lookup_elem(&uring_notifications, &key);
    if (!notification)
        return;
    notification->file_id = record->file_id;
    notification->bytes = moved;
    if (notification->arrived) {
        resolve(thread, record, notification);
        bpf_map_delete_elem(&uring_notifications, &key);
    }
}

// A request that completed with a result above zero.
__noinline int account_request(struct iotrace_thread_state *thread, u64 file_id, u64 request, u32 opcode, u64 moved)
{
    struct iotrace_thread_header *header;
    struct iotrace_file_record *record = file_record(file_id);
    u32 direction = direction_of(opcode);
    u64 direct;

    if (!thread)
        return 0;
    header = &thread->header;
    if (record) {
        __sync_fetch_and_add(&record->operations, 1);
        __sync_fetch_and_add(direction == DIRECTION_IN ? &record->bytes_in : &record->bytes_out, moved);
    }
    if (direction == DIRECTION_IN)
        header->ledger.other_in += moved;
    else
        header->ledger.other_out += moved;
    if (direction == DIRECTION_OUT_ZC && record) {
        account_uring_zerocopy(thread, record, request, opcode, moved);
        return 0;
    }
    if (direction == DIRECTION_UNKNOWN || direction == DIRECTION_OUT_ZC) {
        CHARGE(out_not_copied, moved);
        CHARGE(unknown, moved);
        return 0;
    }
    direct = take_direct(request);
    if (direct && record && asks_for_direct(record, record->f_flags)) { // else left by a request without a completion
        if (direct > moved)
            direct = moved;
        charge_direct(thread, record, direction == DIRECTION_IN, direct, config.has_iomap_events);
        return 0;
    }
    if (record && record->type == IOTRACE_FILE_BLOCK && record->f_flags & O_DIRECT) { // without iomap: block/fops.c
        charge_direct(thread, record, direction == DIRECTION_IN, moved, false);
    } else if (record && asks_for_direct(record, record->f_flags) && direct_is_unknown(record)) {
        charge_unknown(thread, record, direction == DIRECTION_IN, moved);
    } else if (record && record->char_device) { // the fd's own ledger follows from the device: user space does that
        if (direction == DIRECTION_IN)
            header->ledger.in_not_copied += moved;
        else
            header->ledger.out_not_copied += moved;
    } else if (record && asks_for_direct(record, record->f_flags)) {
        hide(header->process_id, file_id, IOTRACE_OPERATION_URING | opcode, IOTRACE_HIDDEN_NOT_DIRECT, moved);
        COUNT(kernel_copied_operations);
    } else if (is_one_of(OPS_FIXED, opcode)) {
        hide(header->process_id, file_id, IOTRACE_OPERATION_URING | opcode, IOTRACE_HIDDEN_FIXED_BUFFER, moved);
        COUNT(kernel_copied_operations);
    } else {
        COUNT(other_operations);
    }
    return 0;
}

// As account_call() does for recv and its kin.
static __always_inline void account_receive(struct iotrace_thread_state *thread, struct iotrace_file_record *record,
                                            struct io_kiocb *request, u32 opcode, u64 moved)
{
    struct io_sr_msg *message = (void *)request;
    u32 flags = BPF_CORE_READ(message, msg_flags);
    u64 room = BPF_CORE_READ(message, len), reached;

    if (flags & MSG_PEEK)
        CHARGE(in_not_payload, moved);
    if (!(flags & MSG_TRUNC) || !record || record->type == IOTRACE_FILE_UNIX_STREAM)
        return;
    if (record->type != IOTRACE_FILE_TCP && opcode == OP_RECVMSG) { // the room is in its iovecs
        charge_unknown(thread, record, true, moved);
        return;
    }
    reached = record->type == IOTRACE_FILE_TCP ? 0 : room < moved ? room : moved;
    CHARGE(in_not_copied, moved - reached);
}

static __always_inline u32 uring_model(struct io_ring_ctx *ring)
{
    return setup_flags(ring) & IORING_SETUP_SQPOLL ? IOTRACE_MODEL_URING_SQPOLL : IOTRACE_MODEL_URING;
}

// The tracepoint gives the request without a type.
static __always_inline u32 completed_opcode(struct io_kiocb *request)
{
    struct io_kiocb *typed;

    if (!config.has_rdonly_cast)
        return BPF_CORE_READ(request, opcode);
    typed = bpf_rdonly_cast(request, ID_OF(io_kiocb));
    return typed->opcode;
}

static __always_inline int complete(struct io_ring_ctx *ring, struct io_kiocb *request, u64 user_data, s32 result,
                                    u32 flags)
{
    struct iotrace_thread_state *thread = uring_thread();
    struct iotrace_file_record *record;
    u64 file_id, moved;
    u32 opcode;
    bool moves;

    if (!thread)
        return 0;
    note_ring(thread, ring);
    if (flags & IORING_CQE_F_NOTIF) {
        u64 key = (u64)request;
        struct uring_notification *notification = bpf_map_lookup_elem(&uring_notifications, &key);
        count_further(thread, notification ? notification->opcode : OP_SEND_ZC, 1, 0);
        account_notification(thread, key, result);
        return 0;
    }
    if (request && result <= 0 && !config.has_iomap_events)
        take_direct((u64)request);
    if (!request) {
        struct uring_name name = {.ring = (u64)ring, .user_data = user_data};
        struct uring_named *named = bpf_map_lookup_elem(&uring_names, &name);
        if (!named) { // armed before the trace
            LOSE(uring_unnamed, 1);
            return 0;
        }
        moved = result > 0 && is_one_of(OPS_MOVING, named->opcode) ? result : 0;
        count_further(thread, named->opcode, 0, moved);
        if (moved) {
            count_async(file_record(named->file_id), uring_model(ring), moved);
            account_request(thread, named->file_id, 0, named->opcode, moved);
        }
        if (!(flags & IORING_CQE_F_MORE))
            bpf_map_delete_elem(&uring_names, &name);
        return 0;
    }
    opcode = completed_opcode(request);
    if (is_one_of(OPS_OUT_ZC, opcode)) {
        struct uring_name name = {.ring = (u64)ring, .user_data = user_data, .zerocopy = 1};
        bpf_map_delete_elem(&uring_names, &name);
    }
    moves = is_one_of(OPS_MOVING, opcode);
    moved = moves && result > 0 ? result : 0;
    count_request(thread, may_be_pending(user_data) ? (u64)request : 0, opcode, result, moved);
    if (result < 0 || (moves && !result && is_one_of(OPS_OUT_ZC, opcode)))
        return 0;
    thread->header.totals.uring_operations++;
    if (!moves)
        return 0;
    file_id = request_file(thread, request);
    record = file_record(file_id);
    if (record)
        read_flags((u64)BPF_CORE_READ(request, file), &record->f_flags, &record->watched);
    count_async(record, uring_model(ring), moved);
    if (moved)
        account_request(thread, file_id, (u64)request, opcode, moved);
    if (moved && (opcode == OP_RECV || opcode == OP_RECVMSG))
        account_receive(thread, record, request, opcode, moved);
    return 0;
}

// A ring that is made while it is watched. io_uring/io_uring.c: io_uring_create()
SEC("tp_btf/io_uring_create")
int BPF_PROG(note_created_ring, int fd, struct io_ring_ctx *ring)
{
    struct iotrace_thread_state *thread = uring_thread();
    struct iotrace_ring_key key = {.ring = (u64)ring};
    struct iotrace_ring fresh = {.fd = fd};

    if (!thread)
        return 0;
    key.process_id = thread->header.process_id;
    fresh.setup_flags = setup_flags(ring);
    if (fresh.setup_flags & IORING_SETUP_REGISTERED_FD_ONLY)
        fresh.fd = -1;
    PUT(uring_rings, &key, &fresh);
    return 0;
}

// The tracepoint has had these arguments since Linux 6.13 …
SEC("tp_btf/io_uring_complete")
int BPF_PROG(count_completion, struct io_ring_ctx *ring, struct io_kiocb *request, struct io_uring_cqe *cqe)
{
    return complete(ring, request, cqe->user_data, cqe->res, cqe->flags);
}

// … and these before.
SEC("tp_btf/io_uring_complete")
int BPF_PROG(count_completion_by_value, struct io_ring_ctx *ring, struct io_kiocb *request, u64 user_data, int result,
             unsigned int flags)
{
    return complete(ring, request, user_data, result, flags);
}

// A completion that found the queue full waits in a list, and no other event tells of it. io_uring/io_uring.c:
// io_cqring_event_overflow()
SEC("tp_btf/io_uring_cqe_overflow")
int BPF_PROG(count_overflow, struct io_ring_ctx *ring, u64 user_data, int result, unsigned int flags)
{
    struct iotrace_thread_state *thread = uring_thread();
    struct uring_name name = {.ring = (u64)ring, .user_data = user_data, .zerocopy = 1};
    struct iotrace_ring_key ring_entry = {};
    struct iotrace_ring *counted;
    struct uring_named *named;
    u64 *notif, request;

    if (!thread)
        return 0;
    note_ring(thread, ring);
    ring_entry.process_id = thread->header.process_id;
    ring_entry.ring = (u64)ring;
    counted = bpf_map_lookup_elem(&uring_rings, &ring_entry);
    if (counted)
        __sync_fetch_and_add(&counted->overflows, 1);
    named = bpf_map_lookup_elem(&uring_names, &name);
    if (!named) {
        name.zerocopy = 0;
        named = bpf_map_lookup_elem(&uring_names, &name);
    }
    if (flags & IORING_CQE_F_NOTIF) {
        request = named ? named->request : 0;
        notif = bpf_map_lookup_elem(&uring_sends, &request);
        if (notif) // its send has yet to complete, so the pair is still there
            account_notification(thread, *notif, result);
        return 0;
    }
    if (result <= 0)
        return 0;
    if (!named) {
        LOSE(uring_unnamed, 1);
        return 0;
    }
    if (!is_one_of(OPS_MOVING, named->opcode))
        return 0;
    if (named->request)
        count_request(thread, named->request, named->opcode, result, result);
    else
        count_further(thread, named->opcode, 0, result);
    count_async(file_record(named->file_id), uring_model(ring), result);
    account_request(thread, named->file_id, named->request, named->opcode, result);
    return 0;
}

static __always_inline void note_detour(struct io_kiocb *request, u32 how)
{
    struct pending_request *known, fresh = {.detours = how};
    u64 key = (u64)request;

    if (!uring_thread())
        return;
    fresh.name = request->cqe.user_data;
    known = may_be_pending(fresh.name) ? bpf_map_lookup_elem(&pending_requests, &key) : 0;
    if (known && known->name == fresh.name)
        known->detours |= how;
    else
        put_pending(key, &fresh);
}

// io_uring/poll.c: io_arm_poll_handler()
SEC("tp_btf/io_uring_poll_arm")
int BPF_PROG(note_poll_armed, struct io_kiocb *request)
{
    note_detour(request, REQUEST_POLL_ARMED);
    return 0;
}

// io_uring/io_uring.c: io_queue_iowq()
SEC("tp_btf/io_uring_queue_async_work")
int BPF_PROG(note_punted, struct io_kiocb *request)
{
    note_detour(request, REQUEST_PUNTED);
    return 0;
}
