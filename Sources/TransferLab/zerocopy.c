// MSG_ZEROCOPY: the socket refers to the sender's own pages.
#define _GNU_SOURCE
#include "transfer.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <linux/errqueue.h>

#define PIECE (64 * KIB)

// The kernel ignores MSG_ZEROCOPY on a socket that has not opted in, and copies: programs that passed unknown flags
// before it existed must not have their buffers shared.
int prepare_zerocopy(struct transfer *t)
{
    int on = 1;

    return setsockopt(t->sink, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) ? fail(t, "SO_ZEROCOPY") : 0;
}

// Waits for one notification and returns how many sends it covers, or -1. It names a range of them, counted from 0,
// since the kernel merges what completes in order.
static ssize_t completed_sends(struct transfer *t)
{
    char control[CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in))];
    struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};
    struct pollfd error_queue = {.fd = t->sink}; // POLLERR is always reported
    struct sock_extended_err notification;
    struct cmsghdr *header;

    if (poll(&error_queue, 1, -1) < 0)
        return errno == EINTR ? 0 : fail(t, "poll");
    if (recvmsg(t->sink, &message, MSG_ERRQUEUE) < 0)
        return fail(t, "recvmsg");
    header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_level != SOL_IP || header->cmsg_type != IP_RECVERR)
        return 0;
    __builtin_memcpy(&notification, CMSG_DATA(header), sizeof(notification));
    if (notification.ee_origin != SO_EE_ORIGIN_ZEROCOPY)
        return 0;
    // ee_code has SO_EE_CODE_ZEROCOPY_COPIED if the kernel copied in the end, as it does for a receiver on the same
    // machine. A program that sees it again and again should stop asking for zero-copy.
    return (ssize_t)(uint32_t)(notification.ee_data - notification.ee_info + 1);
}

// Kernel documentation, networking/msg_zerocopy; send(2). The kernel pins the buffer's pages and queues references to
// them: no copy by the CPU if they reach a device that can gather. The buffer belongs to the kernel until the
// notification arrives on the socket's error queue.
ssize_t move_by_zerocopy(struct transfer *t)
{
    size_t moved = 0, sends = 0, completed = 0;
    ssize_t more;

    while (moved < t->size) {
        size_t left = t->size - moved;
        ssize_t sent = send(t->sink, t->buffer + moved, left < PIECE ? left : PIECE, MSG_ZEROCOPY);
        if (sent > 0) {
            moved += (size_t)sent;
            sends++;
        } else if (sent < 0 && errno == ENOBUFS && completed < sends) {
            // Too many notifications outstanding (net.core.optmem_max): take one, then go on.
            if ((more = completed_sends(t)) < 0)
                return -1;
            completed += (size_t)more;
        } else {
            return fail(t, "send");
        }
    }
    while (completed < sends) {
        if ((more = completed_sends(t)) < 0)
            return -1;
        completed += (size_t)more;
    }
    return (ssize_t)moved;
}

// The same without ever asking what became of it: the program can't know when it may touch the buffer again, nor
// whether the kernel copied. On a socket without SO_ZEROCOPY these are plain sends.
ssize_t move_by_zerocopy_unread(struct transfer *t)
{
    size_t moved = 0;

    while (moved < t->size) {
        size_t left = t->size - moved;
        ssize_t sent = send(t->sink, t->buffer + moved, left < PIECE ? left : PIECE, MSG_ZEROCOPY);
        if (sent < 0)
            return fail(t, "send");
        moved += (size_t)sent;
    }
    return (ssize_t)moved;
}
