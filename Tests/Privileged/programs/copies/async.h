// io_uring, by its raw interface, and Linux AIO.
#pragma once

#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "zerocopy.h"

static struct {
    int fd;
    bool polled; // a kernel thread submits
    unsigned *sq_tail, *sq_array, *cq_head, *cq_tail, mask;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
} ring;

struct completion {
    int result;
    unsigned flags;
    unsigned long user_data;
};

static void open_ring(unsigned flags)
{
    struct io_uring_params about = {.flags = flags, .sq_thread_idle = 1000};
    char *queues;

    ring.fd = syscall(SYS_io_uring_setup, 8, &about);
    need(ring.fd >= 0, "io_uring_setup");
    queues = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQ_RING);
    ring.sqes = mmap(0, 8 * sizeof(*ring.sqes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQES);
    need(queues != MAP_FAILED && ring.sqes != MAP_FAILED, "mmap of a ring");
    ring.sq_tail = (void *)(queues + about.sq_off.tail), ring.sq_array = (void *)(queues + about.sq_off.array);
    ring.cq_head = (void *)(queues + about.cq_off.head), ring.cq_tail = (void *)(queues + about.cq_off.tail);
    ring.cqes = (void *)(queues + about.cq_off.cqes), ring.mask = about.cq_entries - 1;
    ring.polled = flags & IORING_SETUP_SQPOLL;
}

static struct completion next_completion(int submit)
{
    unsigned head = *ring.cq_head;
    struct completion completion;
    unsigned flags = IORING_ENTER_GETEVENTS | (ring.polled ? IORING_ENTER_SQ_WAKEUP : 0);

    need(syscall(SYS_io_uring_enter, ring.fd, submit, 1, flags, 0, 0) == submit, "io_uring_enter");
    need(head != __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE), "a completion");
    completion = (struct completion){ring.cqes[head & ring.mask].res, ring.cqes[head & ring.mask].flags,
                                     ring.cqes[head & ring.mask].user_data};
    __atomic_store_n(ring.cq_head, head + 1, __ATOMIC_RELEASE);
    return completion;
}

static struct completion submit(struct io_uring_sqe sqe)
{
    struct completion completion;

    ring.sqes[0] = sqe, ring.sq_array[*ring.sq_tail & 7] = 0;
    __atomic_store_n(ring.sq_tail, *ring.sq_tail + 1, __ATOMIC_RELEASE);
    completion = next_completion(1);
    errno = -completion.result;
    need(completion.result >= 0, "an operation");
    return completion;
}

static long submitted(int opcode, int fd, char *data, long n, long offset)
{
    return submit((struct io_uring_sqe){.opcode = opcode, .fd = fd, .addr = (long)data, .len = n, .off = offset}).result;
}

static void register_buffer(void)
{
    struct iovec whole = {buffer, 1 << 20};
    need(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &whole, 1) == 0, "registered buffer");
}

static void uring_files(void)
{
    int from = source(O_RDONLY), to = sink(0);

    open_ring(0);
    begin();
    need(took(submitted(IORING_OP_READ, from, buffer, size + 5000, 0)) == size, "READ");
    need(took(submitted(IORING_OP_READ, from, buffer, 5000, size - 1009)) == 1009, "READ at the end");
    need(gave(submitted(IORING_OP_WRITE, to, buffer, size, 0)) == size, "WRITE");
}

static void uring_registered_file(void)
{
    int files[2] = {source(O_RDONLY), sink(0)};
    struct io_uring_sqe sqe = {.opcode = IORING_OP_READ, .flags = IOSQE_FIXED_FILE, .addr = (long)buffer, .len = size};

    open_ring(0);
    need(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, files, 2) == 0, "registered files");
    need(took(submit(sqe).result) == size, "READ");
    sqe.opcode = IORING_OP_WRITE, sqe.fd = 1;
    need(gave(submit(sqe).result) == size, "WRITE");
}

static void uring_polled(void)
{
    int from = source(O_RDONLY), to = sink(0);

    open_ring(IORING_SETUP_SQPOLL);
    need(took(submitted(IORING_OP_READ, from, buffer, size, 0)) == size, "READ");
    need(gave(submitted(IORING_OP_WRITE, to, buffer, size, 0)) == size, "WRITE");
}

// Given to a worker thread of the kernel.
static void uring_punted(void)
{
    struct io_uring_sqe sqe = {.opcode = IORING_OP_READ, .flags = IOSQE_ASYNC, .addr = (long)buffer, .len = size};
    int direct = source(O_RDONLY | O_DIRECT);

    open_ring(0);
    sqe.fd = source(O_RDONLY);
    need(took(submit(sqe).result) == size, "READ");
    sqe.fd = direct, sqe.len = 32 * PAGE;
    need(submit(sqe).result == 32 * PAGE, "direct READ");
    mine->avoided += 32 * PAGE, mine->payload_in += 32 * PAGE;
    sqe.fd = sink(0), sqe.opcode = IORING_OP_WRITE;
    need(gave(submit(sqe).result) == 32 * PAGE, "WRITE");
}

// Four operations with one call; the receive has to wait for the send.
static void uring_batch(void)
{
    const long lengths[4] = {30011, 20011, 30011, 10007};
    int from = source(O_RDONLY), to = sink(0), ends[2];
    const struct io_uring_sqe batch[4] = {
        {.opcode = IORING_OP_RECV, .addr = (long)buffer, .len = 65536, .user_data = 0},
        {.opcode = IORING_OP_READ, .fd = from, .addr = (long)buffer + 65536, .len = 20011, .user_data = 1},
        {.opcode = IORING_OP_SEND, .addr = (long)buffer + 131072, .len = 30011, .user_data = 2},
        {.opcode = IORING_OP_WRITE, .fd = to, .addr = (long)buffer + 196608, .len = 10007, .user_data = 3},
    };

    tcp(ends);
    open_ring(0);
    for (int i = 0; i < 4; i++) {
        ring.sqes[i] = batch[i];
        ring.sq_array[i] = i;
    }
    ring.sqes[0].fd = ends[1], ring.sqes[2].fd = ends[0];
    __atomic_store_n(ring.sq_tail, 4, __ATOMIC_RELEASE);
    for (int i = 0; i < 4; i++) {
        struct completion completion = next_completion(i ? 0 : 4);
        need(completion.result == lengths[completion.user_data], "an operation of several");
        (completion.user_data < 2 ? took : gave)(completion.result);
    }
}

// Full queues, again and again.
static void uring_many(void)
{
    int from = source(O_RDONLY);

    open_ring(0);
    for (int round = 0; round < 1000; round++) {
        for (int i = 0; i < 8; i++) {
            ring.sqes[i] = (struct io_uring_sqe){.opcode = IORING_OP_READ, .fd = from, .addr = (long)buffer + i * 65536,
                                                 .len = 1009 + round + i, .user_data = round + i};
            ring.sq_array[(*ring.sq_tail + i) & 7] = i;
        }
        __atomic_store_n(ring.sq_tail, *ring.sq_tail + 8, __ATOMIC_RELEASE);
        for (int i = 0; i < 8; i++) {
            struct completion completion = next_completion(i ? 0 : 8);
            need(took(completion.result) == 1009 + (long)completion.user_data, "one of many");
        }
    }
}

static void uring_vectors(void)
{
    struct iovec two[2] = {{buffer, 4099}, {buffer + 8192, 1009}};
    int from = source(O_RDONLY), to = sink(0);

    open_ring(0);
    need(took(submitted(IORING_OP_READV, from, (void *)two, 2, 0)) == 5108, "READV");
    need(gave(submitted(IORING_OP_WRITEV, to, (void *)two, 2, 0)) == 5108, "WRITEV");
}

static void uring_fixed(void)
{
    int from = source(O_RDONLY), to = sink(0);

    open_ring(0);
    register_buffer();
    begin();
    need(took(submitted(IORING_OP_READ_FIXED, from, buffer, size, 0)) == size, "READ_FIXED");
    add(mine->hidden, "io_uring READ_FIXED", "fixed_buffer_copied", size);
    need(gave(submitted(IORING_OP_WRITE_FIXED, to, buffer, size, 0)) == size, "WRITE_FIXED");
    add(mine->hidden, "io_uring WRITE_FIXED", "fixed_buffer_copied", size);
}

static void uring_fixed_direct(void)
{
    long in[2], out, n = size / PAGE * PAGE;
    int from = source(O_RDONLY | O_DIRECT);

    open_ring(0);
    register_buffer();
    begin();
    device_bytes(&in[0], &out);
    need(submitted(IORING_OP_READ_FIXED, from, buffer, n, 0) == n, "READ_FIXED");
    need(submitted(IORING_OP_READ, from, buffer, n, 0) == n, "READ");
    device_bytes(&in[1], &out);
    mine->avoided += 2 * n, mine->payload_in += 2 * n;
    need(read_from_device(in) == 2 * n, "read from the device");
}

static void uring_sockets(void)
{
    int ends[2];

    tcp(ends);
    open_ring(0);
    need(gave(submitted(IORING_OP_SEND, ends[0], buffer, 30011, 0)) == 30011, "SEND");
    need(took(submitted(IORING_OP_RECV, ends[1], buffer, 65536, 0)) == 30011, "RECV");
}

static void uring_send_zc(unsigned report)
{
    struct io_uring_sqe sqe = {.opcode = IORING_OP_SEND_ZC, .addr = (long)buffer, .len = 50021, .ioprio = report};
    struct completion completion;
    int ends[2];

    tcp(ends);
    open_ring(0);
    begin();
    sqe.fd = ends[0];
    for (int i = 0; i < 2; i++) {
        completion = submit(sqe);
        need(completion.result == 50021 && completion.flags & IORING_CQE_F_MORE, "SEND_ZC");
        mine->payload_out += 50021;
        receive(ends[1], buffer + (1 << 20), 50021);
        completion = next_completion(0);
        need(completion.flags & IORING_CQE_F_NOTIF, "notification");
        if (report) {
            need((unsigned)completion.result == IORING_NOTIF_USAGE_ZC_COPIED, "usage");
            mine->confirmed += 50021;
        }
        sent_copied("io_uring SEND_ZC", 50021, copied_because());
    }
}

static void uring_send_zc_reported(void)
{
    uring_send_zc(IORING_SEND_ZC_REPORT_USAGE);
}

static void uring_send_zc_unreported(void)
{
    uring_send_zc(0);
}

static long aio(aio_context_t context, int opcode, int fd, char *data, long n)
{
    struct iocb block = {.aio_lio_opcode = opcode, .aio_fildes = fd, .aio_buf = (long)data, .aio_nbytes = n}, *blocks = &block;
    struct io_event event;

    need(syscall(SYS_io_submit, context, 1, &blocks) == 1, "io_submit");
    need(syscall(SYS_io_getevents, context, 1, 1, &event, 0) == 1, "io_getevents");
    return event.res;
}

static void aio_direct(void)
{
    aio_context_t context = 0;
    long in[2], out, n = size / PAGE * PAGE;
    int from = source(O_RDONLY | O_DIRECT), to = sink(O_DIRECT);

    need(syscall(SYS_io_setup, 4, &context) == 0, "io_setup");
    begin();
    device_bytes(&in[0], &out);
    need(aio(context, IOCB_CMD_PREAD, from, buffer, n + 2 * PAGE) == size, "aio read");
    device_bytes(&in[1], &out);
    need(aio(context, IOCB_CMD_PWRITE, to, buffer, n) == n, "aio write");
    mine->avoided += size + n, mine->payload_in += size, mine->payload_out += n;
    need(read_from_device(in) >= size, "read from the device");
}

static void aio_buffered(void)
{
    aio_context_t context = 0;
    int from = source(O_RDONLY), to = sink(0);

    need(syscall(SYS_io_setup, 4, &context) == 0, "io_setup");
    need(took(aio(context, IOCB_CMD_PREAD, from, buffer, size + 5000)) == size, "aio read");
    need(gave(aio(context, IOCB_CMD_PWRITE, to, buffer, size)) == size, "aio write");
}
