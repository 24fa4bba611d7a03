// Devices: what threads give to the block layer, and which of it is direct I/O.
#pragma once

#include "models.bpf.h"
#include "requests.bpf.h"

#define REQ_OP_MASK 0xff
#define REQ_OP_READ 0
#define REQ_OP_WRITE 1

// Direct I/O of a request that its submitter does not wait for.
struct direct_request {
    u64 process_id;
    u64 file_id;
    u64 bytes; // of an io_uring request, from its completion here to that of the request
    u64 iocb;  // of Linux AIO, which has no completion event of its own: the caller's address; 0: io_uring
};

// AIO that has been counted when it completed, by the address of its iocb: io_getevents will show it once more.
struct iocb_key {
    u64 process_id;
    u64 iocb;
};
// As many as there are at once unless fs.aio-max-nr is raised: one that is dropped before it is fetched is counted
// twice.
LRU(counted_iocbs, 65536, struct iocb_key, u32);

LRU(direct_requests, 65536, u64, struct direct_request); // by the address of the kiocb, or by aio_key()

#define NR_IO_SUBMIT 209

static __always_inline bool submits_aio(struct task_struct *task)
{
    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
    return !(task->flags & PF_IO_WORKER) && BPF_CORE_READ(regs, orig_ax) == NR_IO_SUBMIT;
}

// An operation of Linux AIO by what its io_event names it: the address of the caller's iocb.
static __always_inline u64 aio_key(u64 process_id, u64 iocb)
{
    return process_id ^ iocb;
}

// Without iomap's tracepoints (before Linux 6.6) its bios tell how much of a request that nobody waits for is direct:
// they have a completion function of iomap's and lead to the request. fs/iomap/direct-io.c: iomap_dio_bio_iter()
static __always_inline void note_direct_bio(struct iotrace_thread_state *thread, struct task_struct *task,
                                            struct bio *bio, u32 bytes)
{
    struct direct_request *request, fresh = {.bytes = bytes};
    struct kiocb *kiocb;
    u64 key;

    if (splice_class((u64)bio->bi_end_io) != IOTRACE_IOMAP_BIO)
        return;
    kiocb = BPF_CORE_READ((struct iomap_dio *)bio->bi_private, iocb);
    if (!BPF_CORE_READ(kiocb, ki_complete)) // what is pending in the call tells
        return;
    fresh.process_id = thread->header.process_id;
    key = submits_aio(task) ? aio_key(fresh.process_id, BPF_CORE_READ((struct aio_kiocb *)kiocb, ki_res.obj))
                            : (u64)kiocb;
    request = bpf_map_lookup_elem(&direct_requests, &key);
    if (request)
        request->bytes += bytes;
    else
        PUT(direct_requests, &key, &fresh);
}

// Of a request that has ended, what was direct; it is forgotten.
static __always_inline u64 take_direct(u64 key)
{
    struct direct_request *request = bpf_map_lookup_elem(&direct_requests, &key);
    u64 bytes = request ? request->bytes : 0;

    if (request)
        bpf_map_delete_elem(&direct_requests, &key);
    return bytes;
}

// Runs in the submitter. A bio that comes while the task is inside another one's submission is a stacking driver's (dm,
// md), and the same bytes again. block/blk-core.c: submit_bio_noacct_nocheck()
SEC("tp_btf/block_bio_queue")
int BPF_PROG(count_bio, struct bio *bio)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct iotrace_thread_state *thread = state_of(task);
    struct iotrace_thread_header *header;
    struct pt_regs *regs;
    u32 operation, bytes;

    if (!thread || thread->header.flags & IOTRACE_THREAD_INACTIVE || untrusted(task)->bio_list)
        return 0;
    header = &thread->header;
    operation = bio->bi_opf & REQ_OP_MASK;
    bytes = bio->bi_iter.bi_size;
    if (operation != REQ_OP_READ && operation != REQ_OP_WRITE)
        return 0;
    if (operation == REQ_OP_WRITE)
        header->ledger.dma_out += bytes;
    if (!config.has_iomap_events) // a request's, from a worker too
        note_direct_bio(thread, task, bio, bytes);
    regs = (struct pt_regs *)bpf_task_pt_regs(task);
    if (header->flags & IOTRACE_THREAD_KERNEL || (s32)BPF_CORE_READ(regs, orig_ax) < 0) // a worker, or a page fault
        return 0;
    if (operation == REQ_OP_READ)
        header->pending_dma_in += bytes;
    else
        header->pending_dma_out += bytes;
    header->pending_io = 1;
    return 0;
}

// The record of a file by its address, which may be used again by another; 0 when it has none yet.
static __always_inline u64 known_open(struct iotrace_open_file_key *key)
{
    struct file *file = (void *)key->file; // read here: inside BPF_CORE_READ the key would be taken for a kernel struct
    u64 *found = bpf_map_lookup_elem(&open_files, key);
    struct iotrace_file_record *record = found ? file_record(*found) : 0;

    return record && !record->closed && record->inode == BPF_CORE_READ(file, f_inode, i_ino) ? record->file_id : 0;
}

// The record of a file that a request names by its address.
static __always_inline u64 file_id_of_open(u64 process_id, u64 file)
{
    struct iotrace_open_file_key key = {.process_id = process_id, .file = file};
    u64 file_id = known_open(&key);

    if (file_id)
        return file_id;
    file_id =
        new_record(process_id, -1, file, 0, SCRATCH_TRACEPOINT); // only a registered file, or from before the trace
    if (!file_id)
        LOSE(file_map_full, 1);
    return file_id;
}

// include/uapi/linux/aio_abi.h: struct iocb
struct iocb_head {
    u64 data;
    u32 key, rw_flags;
    u16 opcode;
    u16 priority;
    u32 fd;
};

#define IOCB_WRITE (1 << 18) // include/linux/fs.h

SEC("tp_btf/iomap_dio_rw_begin")
int BPF_PROG(begin_direct, struct kiocb *kiocb, struct iov_iter *memory)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct iotrace_thread_state *thread;
    struct direct_request request = {};
    struct iocb_head iocb = {};
    u64 key = (u64)kiocb, file, submitted;

    thread = state_of(task);
    if (!thread || thread->header.flags & IOTRACE_THREAD_INACTIVE)
        return 0;
    if (!kiocb->ki_complete) { // its submitter waits for it. IOCB_WRITE is set for requests only
        thread->header.direct_writes = memory->data_source;
        return 0;
    }
    request.process_id = thread->header.process_id;
    if (submits_aio(task)) {
        bpf_core_read(&file, sizeof(file), &kiocb->ki_filp); // functions of their own take no kernel pointers
        submitted = BPF_CORE_READ((struct aio_kiocb *)kiocb, ki_res.obj);
        // A stacked file system (overlayfs) has iomap do requests of its own, which are none of the caller's.
        if (bpf_probe_read_user(&iocb, sizeof(iocb), (void *)submitted) || file_of_fd(iocb.fd) != file)
            return 0;
        request.iocb = submitted;
        request.file_id = file_id_of(request.process_id, iocb.fd, file, SCRATCH_TRACEPOINT);
    }
    PUT(direct_requests, &key, &request);
    return 0;
}

// A request that nobody waits for may complete anywhere, an interrupt's worker included.
static __always_inline void end_request(struct kiocb *kiocb, long result)
{
    struct direct_request *request;
    struct iotrace_file_record *record;
    struct iotrace_process_record *process;
    struct iocb_key counted = {};
    u64 key = (u64)kiocb, process_id;
    u32 yes = 1;

    request = bpf_map_lookup_elem(&direct_requests, &key);
    if (!request)
        return;
    if (!request->iocb) { // taken up by the completion of the io_uring request
        request->bytes = result;
        return;
    }
    counted.process_id = process_id = request->process_id;
    counted.iocb = request->iocb;
    record = file_record(request->file_id);
    process = bpf_map_lookup_elem(&processes, &process_id);
    if (bpf_map_delete_elem(&direct_requests, &key) || window_closed) // the other program has it
        return;
    PUT(counted_iocbs, &counted, &yes);
    if (record) {
        __sync_fetch_and_add(&record->operations, 1);
        count_async(record, IOTRACE_MODEL_AIO, result);
    }
    CHARGE_PROCESS(avoided_observed, result);
    CHARGE_PROCESS(direct, result);
    CHARGE_PROCESS(direct_operations, 1);
    if (kiocb->ki_flags & IOCB_WRITE) {
        if (record)
            __sync_fetch_and_add(&record->bytes_out, result);
        if (process)
            __sync_fetch_and_add(&process->ledger.other_out, result);
        CHARGE_PROCESS(out_not_copied, result);
    } else {
        if (record)
            __sync_fetch_and_add(&record->bytes_in, result);
        if (process)
            __sync_fetch_and_add(&process->ledger.other_in, result);
        CHARGE_PROCESS(in_not_copied, result);
    }
}

SEC("tp_btf/iomap_dio_complete")
int BPF_PROG(end_direct, struct kiocb *kiocb, int error, long result)
{
    struct iotrace_thread_state *thread;

    if (result <= 0)
        return 0;
    if (kiocb->ki_complete) {
        end_request(kiocb, result);
        return 0;
    }
    thread = state_of(bpf_get_current_task_btf());
    if (thread && !(thread->header.flags & IOTRACE_THREAD_INACTIVE)) {
        if (thread->header.direct_writes)
            thread->header.pending_direct_out += result;
        else
            thread->header.pending_direct_in += result;
        thread->header.pending_io = 1;
    }
    return 0;
}

// The kernel skips a program that an interrupt finds running on its CPU, and completions do come in interrupts. Then
// this one, which does the same, is not running; else it finds nothing left to do.
SEC("tp_btf/iomap_dio_complete")
int BPF_PROG(end_direct_nested, struct kiocb *kiocb, int error, long result)
{
    if (result > 0 && kiocb->ki_complete)
        end_request(kiocb, result);
    return 0;
}

#define IO_EVENT_BYTES 32
#define IO_EVENTS 1024

// fs/aio.c: __io_submit_one()
static __always_inline bool iocb_reads(u16 opcode)
{
    return opcode == 0 /* IOCB_CMD_PREAD */ || opcode == 7 /* IOCB_CMD_PREADV */;
}

static __always_inline bool iocb_writes(u16 opcode)
{
    return opcode == 1 /* IOCB_CMD_PWRITE */ || opcode == 8 /* IOCB_CMD_PWRITEV */;
}

// One iocb that io_submit took, by the address of its pointer. 0 when it could not be read.
__noinline int account_submission(struct iotrace_thread_state *thread, u64 context, u64 address)
{
    struct iotrace_request_key row = {.queue = context};
    struct pending_request pending = {.name = context};
    struct iotrace_request_counter *counter;
    struct iocb_head iocb;
    u64 submitted, key;

    if (!thread)
        return 0;
    if (bpf_probe_read_user(&submitted, sizeof(submitted), (void *)address) ||
        bpf_probe_read_user(&iocb, sizeof(iocb), (void *)submitted)) {
        LOSE(user_read_failed, 1);
        return 0;
    }
    row.process_id = thread->header.process_id;
    row.operation = IOTRACE_OPERATION_AIO | iocb.opcode;
    counter = request_counter(&row);
    if (!counter)
        return 1;
    if (times_request(__sync_fetch_and_add(&counter->submitted, 1))) {
        key = aio_key(row.process_id, submitted);
        pending.submitted_ns = bpf_ktime_get_ns();
        put_pending(key, &pending);
    }
    return 1;
}

// The arrays of io_submit and io_getevents.
struct request_walk {
    struct iotrace_thread_state *thread;
    u64 context;
    u64 array;
};

// Entries of such an array that are gone through; the rest are losses.
static __always_inline u32 entries_of(s64 count)
{
    if (count <= 0)
        return 0;
    if (count > IO_EVENTS) {
        LOSE(user_read_failed, count - IO_EVENTS);
        count = IO_EVENTS;
    }
    return count;
}

static long account_next_submission(u32 index, struct request_walk *walk)
{
    int read = account_submission(walk->thread, walk->context, walk->array + index * sizeof(u64));

    barrier_var(read); // the verifier wants to see that only 0 or 1 is returned
    return read ? 0 : 1;
}

// What io_submit took of the array of pointers.
__noinline int account_submissions(struct iotrace_thread_state *thread, u64 context, u64 pointers, s64 count)
{
    struct request_walk walk = {.thread = thread, .context = context, .array = pointers};

    bpf_loop(entries_of(count), account_next_submission, &walk, 0);
    return 0;
}

// A result by its context and command, and the time since io_submit returned.
__noinline int count_event(struct iotrace_thread_state *thread, u64 context, u64 iocb, u32 opcode, s64 result)
{
    struct iotrace_request_key row = {.queue = context, .operation = IOTRACE_OPERATION_AIO | opcode};
    struct iotrace_request_counter *counter;
    struct pending_request *pending;
    u64 key;

    if (!thread)
        return 0;
    row.process_id = thread->header.process_id;
    counter = request_counter(&row);
    if (!counter)
        return 0;
    count_completed(counter, result, result > 0 && (iocb_reads(opcode) || iocb_writes(opcode)) ? result : 0);
    key = aio_key(row.process_id, iocb);
    pending = may_be_pending(context) ? bpf_map_lookup_elem(&pending_requests, &key) : 0;
    if (pending) {
        if (pending->name == context)
            record_request(row.process_id, row.queue, row.operation, pending->submitted_ns);
        forget_pending(key, pending->name);
    }
    return 0;
}

// One result of Linux AIO, at its address in the caller's array. 0 when it could not be read.
__noinline int account_event(struct iotrace_thread_state *thread, u64 context, u64 address)
{
    struct iotrace_fd_key key = {};
    struct iocb_key counted = {};
    struct iotrace_fd_binding *binding;
    struct iotrace_file_record *record;
    struct iocb_head iocb;
    struct io_event event;
    u64 file_id, moved, file, direct = 0;
    bool in;

    if (!thread)
        return 0;
    if (bpf_probe_read_user(&event, sizeof(event), (void *)address) ||
        bpf_probe_read_user(&iocb, sizeof(iocb), (void *)event.obj)) {
        LOSE(user_read_failed, 1);
        return 0;
    }
    count_event(thread, context, event.obj, iocb.opcode, event.res);
    counted.process_id = thread->header.process_id;
    counted.iocb = event.obj;
    if (!bpf_map_delete_elem(&counted_iocbs, &counted))
        return 1;
    in = iocb_reads(iocb.opcode);
    key.process_id = thread->header.process_id;
    if (!config.has_iomap_events)
        direct = take_direct(aio_key(key.process_id, event.obj));
    if (event.res <= 0 || !(in || iocb_writes(iocb.opcode)))
        return 1;
    moved = event.res;
    key.fd = iocb.fd;
    binding = bpf_map_lookup_elem(&fd_bindings, &key);
    file_id = binding && binding->file ? binding->file_id : 0;
    if (!file_id && (file = file_of_fd(iocb.fd))) // not used before in any way that named it
        file_id = new_record(key.process_id, iocb.fd, file, 0, SCRATCH_TRACEPOINT);
    record = file_record(file_id);
    if (record) {
        read_flags(record->file, &record->f_flags, &record->watched);
        __sync_fetch_and_add(&record->operations, 1);
        __sync_fetch_and_add(in ? &record->bytes_in : &record->bytes_out, moved);
        count_async(record, IOTRACE_MODEL_AIO, moved);
    }
    if (in)
        thread->header.ledger.other_in += moved;
    else
        thread->header.ledger.other_out += moved;
    if (record && asks_for_direct(record, record->f_flags)) {
        if (record->type == IOTRACE_FILE_BLOCK || direct >= moved) { // block/fops.c does without iomap
            charge_direct(thread, record, in, moved, false);
        } else if (direct_is_unknown(record)) {
            charge_unknown(thread, record, in, moved);
        } else {
            hide(key.process_id, file_id, IOTRACE_OPERATION_AIO | iocb.opcode, IOTRACE_HIDDEN_NOT_DIRECT, moved);
            COUNT(kernel_copied_operations);
        }
        return 1;
    }
    COUNT(other_operations);
    return 1;
}

static long account_next_event(u32 index, struct request_walk *walk)
{
    int read = account_event(walk->thread, walk->context, walk->array + index * IO_EVENT_BYTES);

    barrier_var(read); // the verifier wants to see that only 0 or 1 is returned
    return read ? 0 : 1;
}

// Results of Linux AIO as io_getevents hands them over.
__noinline int account_events(struct iotrace_thread_state *thread, u64 context, u64 events, s64 count)
{
    struct request_walk walk = {.thread = thread, .context = context, .array = events};

    bpf_loop(entries_of(count), account_next_event, &walk, 0);
    return 0;
}
