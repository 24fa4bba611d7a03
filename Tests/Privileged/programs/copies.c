// SCENARIO DIRECTORY [SIZE [NAMESPACE ADDRESS]]: moves bytes in one way and prints what a ledger of them has to say, one JSON
// object per process in one line. The line is one write to fd 1, which is not in it. DIRECTORY holds a file "source".
//
// The amounts are results of calls whose effect is looked at: whether a buffer was filled, and whether data that were
// "moved by reference" change with their source. Link it statically, and it moves nothing else.
#define _GNU_SOURCE
#include <sched.h>

#include "copies/async.h"
#include "copies/between.h"
#include "copies/files.h"
#include "copies/memory.h"
#include "copies/print.h"
#include "copies/results.h"
#include "copies/sockets.h"
#include "copies/threads.h"
#include "copies/zerocopy.h"

#define SCENARIO(name) {#name, name}

static const struct {
    const char *name;
    void (*run)(void);
} scenarios[] = {
    // results.h
    SCENARIO(vectors), SCENARIO(nonblocking), SCENARIO(interrupted), SCENARIO(closed_peer), SCENARIO(faults),
    SCENARIO(packet_pipe), SCENARIO(arguments),
    // files.h
    SCENARIO(devices), SCENARIO(small_files), SCENARIO(direct_read), SCENARIO(direct_write), SCENARIO(direct_hole),
    SCENARIO(direct_sparse), SCENARIO(direct_copied), SCENARIO(written_and_left), SCENARIO(written_and_synced),
    // sockets.h
    SCENARIO(tcp_truncated), SCENARIO(tcp_peeked), SCENARIO(udp_truncated), SCENARIO(unix_dgram_truncated),
    SCENARIO(unix_seqpacket_truncated), SCENARIO(unix_stream_truncated), SCENARIO(many_messages),
    SCENARIO(many_messages_truncated), SCENARIO(unix_stream), SCENARIO(passed_file),
    // between.h
    SCENARIO(sendfile_tcp), SCENARIO(sendfile_unix_stream), SCENARIO(sendfile_udp), SCENARIO(sendfile_unix_dgram),
    SCENARIO(sendfile_pipe), SCENARIO(sendfile_proc), SCENARIO(sendfile_zero), SCENARIO(sendfile_file),
    SCENARIO(sendfile_direct), SCENARIO(sendfile_into_direct), SCENARIO(sendfile_short), SCENARIO(splice_file_pipe_tcp),
    SCENARIO(splice_tcp_pipe_file), SCENARIO(splice_proc), SCENARIO(splice_datagrams), SCENARIO(splice_pipes),
    SCENARIO(tee_pipes), SCENARIO(vmsplice_both), SCENARIO(copy_range), SCENARIO(copy_range_shared),
    SCENARIO(copy_range_unaligned), SCENARIO(another_process),
    // zerocopy.h
    SCENARIO(zerocopy_confirmed), SCENARIO(zerocopy_sendmsg), SCENARIO(zerocopy_many), SCENARIO(zerocopy_unread),
    SCENARIO(zerocopy_partly_read), SCENARIO(zerocopy_not_enabled), SCENARIO(zerocopy_small), SCENARIO(zerocopy_udp),
    SCENARIO(zerocopy_udp_unread), SCENARIO(zerocopy_sendmmsg), SCENARIO(zerocopy_partial), SCENARIO(zerocopy_two_sockets),
    SCENARIO(zerocopy_far_tcp), SCENARIO(zerocopy_far_tcp_unread), SCENARIO(sendfile_far), SCENARIO(zerocopy_unix),
    // async.h
    SCENARIO(uring_files), SCENARIO(uring_registered_file), SCENARIO(uring_polled), SCENARIO(uring_punted),
    SCENARIO(uring_many), SCENARIO(uring_batch), SCENARIO(uring_vectors), SCENARIO(uring_fixed), SCENARIO(uring_fixed_direct),
    SCENARIO(uring_sockets), SCENARIO(uring_send_zc_reported), SCENARIO(uring_send_zc_unreported), SCENARIO(aio_direct),
    SCENARIO(aio_buffered),
    // memory.h
    SCENARIO(mapping_read), SCENARIO(mapping_written), SCENARIO(forked_memory),
    // threads.h
    SCENARIO(threads), SCENARIO(endless_write), SCENARIO(endless_sendfile),
};

static void enter(const char *namespace)
{
    int fd = open(namespace, O_RDONLY);
    need(fd >= 0 && setns(fd, CLONE_NEWNET) == 0, namespace);
    close(fd);
}

int main(int argc, char **argv)
{
    need(argc > 2 && chdir(argv[2]) == 0, "usage: copies SCENARIO DIRECTORY [SIZE [NAMESPACE ADDRESS]]");
    if (argc > 3)
        size = atol(argv[3]);
    if (argc > 5) {
        enter(argv[4]);
        address = argv[5];
    }
    alarm(40);
    ledgers = mmap(0, 2 * sizeof(*ledgers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    buffer = mmap(0, LARGEST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    need(ledgers != MAP_FAILED && buffer != MAP_FAILED, "mmap");
    for (int i = 0; i < 2; i++)
        ledgers[i].dma_in = ledgers[i].dma_out = -1;
    mine = ledgers;
    mine->pid = getpid();
    for (unsigned i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++)
        if (!strcmp(scenarios[i].name, argv[1])) {
            scenarios[i].run();
            put("[");
            put_ledger(&ledgers[0]);
            if (ledgers[1].pid) {
                put(",");
                put_ledger(&ledgers[1]);
            }
            put("]\n");
            return write(1, line, strlen(line)) != (ssize_t)strlen(line);
        }
    need(false, argv[1]);
}
