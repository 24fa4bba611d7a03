// MSG_ZEROCOPY, with its completions read and not.
#pragma once

#include <time.h>
// After time.h, whose struct it needs.
#include <linux/errqueue.h>
#include <poll.h>
#include <sys/uio.h>

#include "between.h"

static void enable_zerocopy(int fd)
{
    int one = 1;
    need(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)) == 0, "SO_ZEROCOPY");
}

// The reason for which a send to `address` is copied; the test knows what it is sent through.
static const char *copied_because(void)
{
    const char *reason = getenv("COPIED_BECAUSE");
    return reason ? reason : !strcmp(address, "127.0.0.1") ? "zerocopy_loopback" : "zerocopy_copied";
}

static void sent_copied(const char *operation, long n, const char *code)
{
    mine->kernel_to_kernel += n;
    add(mine->hidden, operation, code, n);
}

// Reads notifications until `sends` of them are accounted for, and believes them.
static void completions(int fd, const char *operation, const long *lengths, int sends, const char *code)
{
    for (int seen = 0; seen < sends;) {
        char control[256];
        struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};
        struct pollfd errors = {fd, 0, 0};
        struct sock_extended_err *error;

        need(poll(&errors, 1, 5000) == 1, "poll for completions");
        if (recvmsg(fd, &message, MSG_ERRQUEUE) < 0)
            continue;
        error = (void *)CMSG_DATA(CMSG_FIRSTHDR(&message));
        need(error->ee_origin == SO_EE_ORIGIN_ZEROCOPY, "origin");
        for (unsigned i = error->ee_info; i <= error->ee_data; i++, seen++) {
            if (error->ee_code & SO_EE_CODE_ZEROCOPY_COPIED)
                sent_copied(operation, lengths[i], code);
            else
                mine->avoided += lengths[i];
            mine->confirmed += lengths[i];
        }
    }
}

static void send_zerocopy(int fd, const char *from, long n)
{
    need(send(fd, from, n, MSG_ZEROCOPY) == n, "send");
    mine->payload_out += n;
}

static const long sends[6] = {30011, 10243, 65537, 50021, 12289, 20011};

static void zerocopy_confirmed(void)
{
    int ends[2];

    tcp(ends);
    enable_zerocopy(ends[0]);
    begin();
    for (int i = 0; i < 6; i++) {
        send_zerocopy(ends[0], buffer, sends[i]);
        // One without the flag in between: it has no number among the completions.
        need(gave(send(ends[0], buffer, 20023, 0)) == 20023, "send");
        receive(ends[1], buffer, sends[i] + 20023);
    }
    completions(ends[0], "sendto", sends, 6, copied_because());
}

static void zerocopy_sendmsg(void)
{
    struct iovec two[2] = {{buffer, 20011}, {buffer + 65536, 10007}};
    struct msghdr message = {.msg_iov = two, .msg_iovlen = 2};
    const long lengths[] = {30018};
    int ends[2];

    tcp(ends);
    enable_zerocopy(ends[0]);
    need(sendmsg(ends[0], &message, MSG_ZEROCOPY) == 30018, "sendmsg");
    mine->payload_out += 30018;
    receive(ends[1], buffer, 30018);
    completions(ends[0], "sendmsg", lengths, 1, copied_because());
}

// More sends than anybody would remember one by one; the kernel merges their completions.
static void zerocopy_many(void)
{
    static long lengths[3000];
    int ends[2];

    tcp(ends);
    enable_zerocopy(ends[0]);
    for (int i = 0; i < 3000; i++) {
        lengths[i] = 10241 + i % 7 * 1009;
        send_zerocopy(ends[0], buffer, lengths[i]);
        receive(ends[1], buffer + (1 << 20), lengths[i]);
        if (i % 1000 == 999)
            completions(ends[0], "sendto", lengths, 1000, copied_because());
    }
}

static void zerocopy_unread(void)
{
    int ends[2];

    tcp(ends);
    enable_zerocopy(ends[0]);
    begin();
    for (int i = 0; i < 6; i++) {
        send_zerocopy(ends[0], buffer, sends[i]);
        sent_copied("sendto", sends[i], copied_because());
        receive(ends[1], buffer, sends[i]);
    }
}

static void zerocopy_partly_read(void)
{
    int ends[2];

    tcp(ends);
    enable_zerocopy(ends[0]);
    for (int i = 0; i < 6; i++) {
        send_zerocopy(ends[0], buffer, sends[i]);
        receive(ends[1], buffer, sends[i]);
        if (i == 2)
            completions(ends[0], "sendto", sends, 3, copied_because());
        else if (i > 2)
            sent_copied("sendto", sends[i], copied_because());
    }
}

static void zerocopy_not_enabled(void)
{
    int ends[2];

    tcp(ends);
    begin();
    for (int i = 0; i < 6; i++) {
        need(gave(send(ends[0], buffer, sends[i], MSG_ZEROCOPY)) == sends[i], "send");
        add(mine->hidden, "sendto", "zerocopy_not_enabled", sends[i]);
        receive(ends[1], buffer, sends[i]);
    }
}

static void zerocopy_small(void)
{
    const long small[3] = {1009, 5003, 10007};
    int ends[2];

    tcp(ends);
    enable_zerocopy(ends[0]);
    for (int i = 0; i < 3; i++) {
        send_zerocopy(ends[0], buffer, small[i]);
        add(mine->hints, "sendto", "zerocopy_small", small[i]);
        receive(ends[1], buffer, small[i]);
    }
    completions(ends[0], "sendto", small, 3, copied_because());
}

static void zerocopy_datagrams(bool read)
{
    long lengths[6];
    int ends[2];

    udp(ends);
    enable_zerocopy(ends[0]);
    for (int i = 0; i < 6; i++) {
        long n = lengths[i] = sends[i] < 60000 ? sends[i] : 60000;
        send_zerocopy(ends[0], buffer, n);
        if (read)
            completions(ends[0], "sendto", lengths, 1, copied_because());
        else
            sent_copied("sendto", n, copied_because());
        if (!strcmp(address, "127.0.0.1"))
            need(took(recv(ends[1], buffer, 65536, 0)) == n, "recv");
    }
    // For a device without scatter/gather __ip_append_data() copies from the caller at once; TCP leaves it to the queue.
    if (!strcmp(copied_because(), "zerocopy_no_scatter_gather"))
        mine->user_to_kernel += mine->kernel_to_kernel, mine->kernel_to_kernel = 0;
}

static void zerocopy_udp(void)
{
    zerocopy_datagrams(true);
}

static void zerocopy_udp_unread(void)
{
    zerocopy_datagrams(false);
}

static void zerocopy_sendmmsg(void)
{
    struct iovec parts[3] = {{buffer, 30011}, {buffer, 12289}, {buffer, 50021}};
    const long lengths[3] = {30011, 12289, 50021};
    struct mmsghdr messages[3] = {};
    int ends[2];

    udp(ends);
    enable_zerocopy(ends[0]);
    for (int i = 0; i < 3; i++) {
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
        mine->payload_out += lengths[i];
    }
    need(sendmmsg(ends[0], messages, 3, MSG_ZEROCOPY) == 3, "sendmmsg");
    for (int i = 0; i < 3; i++)
        need(took(recv(ends[1], buffer, 65536, 0)) == lengths[i], "recv");
    completions(ends[0], "sendmmsg", lengths, 3, copied_because());
}

// A socket takes a part, then nothing, then the rest: a send that moved nothing has no completion.
static void zerocopy_partial(void)
{
    long lengths[2];
    int ends[2];

    tcp(ends);
    enable_zerocopy(ends[0]);
    lengths[0] = send(ends[0], buffer, LARGEST, MSG_ZEROCOPY | MSG_DONTWAIT);
    need(lengths[0] > 0 && lengths[0] < LARGEST, "a partial send");
    need(send(ends[0], buffer, LARGEST, MSG_ZEROCOPY | MSG_DONTWAIT) == -1 && errno == EAGAIN, "a full socket");
    receive(ends[1], buffer, lengths[0]);
    lengths[1] = 20011;
    need(send(ends[0], buffer, lengths[1], MSG_ZEROCOPY) == lengths[1], "send");
    mine->payload_out += lengths[0] + lengths[1];
    receive(ends[1], buffer, lengths[1]);
    completions(ends[0], "sendto", lengths, 2, copied_because());
}

// Two sockets whose sends have the same numbers: one through the loopback device, one to `address`.
static void zerocopy_two_sockets(void)
{
    const long near[3] = {30011, 50021, 12289}, far[3] = {20011, 40009, 11003};
    int ends[2], others[2];

    tcp(ends);
    udp(others);
    enable_zerocopy(ends[0]);
    enable_zerocopy(others[0]);
    for (int i = 0; i < 3; i++) {
        send_zerocopy(ends[0], buffer, near[i]);
        send_zerocopy(others[0], buffer, far[i]);
        receive(ends[1], buffer + (1 << 20), near[i]);
    }
    completions(others[0], "sendto", far, 3, copied_because());
    completions(ends[0], "sendto", near, 3, "zerocopy_loopback");
}

// To a listener at `address` that throws away what it gets.
static int far_tcp(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(9)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    need(inet_pton(AF_INET, address, &name.sin_addr) == 1 && connect(fd, (void *)&name, sizeof(name)) == 0, "connect");
    return fd;
}

static void zerocopy_far_tcp(void)
{
    int fd = far_tcp();

    enable_zerocopy(fd);
    for (int i = 0; i < 6; i++)
        send_zerocopy(fd, buffer, sends[i]);
    completions(fd, "sendto", sends, 6, copied_because());
}

static void zerocopy_far_tcp_unread(void)
{
    int fd = far_tcp();

    enable_zerocopy(fd);
    for (int i = 0; i < 6; i++) {
        send_zerocopy(fd, buffer, sends[i]);
        sent_copied("sendto", sends[i], copied_because());
    }
}

static void sendfile_far(void)
{
    int from = source(O_RDONLY), fd = far_tcp();
    sendfile_all(from, fd, size, getenv("COPIED_BECAUSE"));
}

static void zerocopy_unix(void)
{
    int ends[2];

    unix_pair(SOCK_STREAM, ends);
    need(gave(send(ends[0], buffer, 30011, MSG_ZEROCOPY)) == 30011, "send");
    add(mine->hidden, "sendto", "zerocopy_unsupported", 30011);
    receive(ends[1], buffer, 30011);
}
