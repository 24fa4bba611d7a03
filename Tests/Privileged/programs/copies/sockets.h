// What receives copy, and what they say that they did.
#pragma once

#include <sys/uio.h>

#include "endpoints.h"

static void tcp_truncated(void)
{
    int ends[2];

    tcp(ends);
    write_all(ends[0], buffer, size);
    memset(buffer, 1, LARGEST);
    for (long left = size; left > 0;) {
        long n = recv(ends[1], buffer, left, MSG_TRUNC);
        need(n > 0, "recv");
        mine->payload_in += n, left -= n;
    }
    for (long i = 0; i < size; i++)
        need(buffer[i] == 1, "a truncated receive left the buffer alone");
}

static void tcp_peeked(void)
{
    int ends[2];
    long n;

    tcp(ends);
    need(gave(send(ends[0], buffer, 30011, 0)) == 30011, "send");
    n = recv(ends[1], buffer, 20011, MSG_PEEK | MSG_WAITALL);
    need(n == 20011, "peek");
    mine->kernel_to_user += n;
    need(recv(ends[1], buffer, 1000, MSG_PEEK | MSG_TRUNC) == 1000, "peek at the length");
    receive(ends[1], buffer, 30011);
}

// Bytes at the start of the buffer that a receive filled with ones.
static long filled(void)
{
    long n = 0;
    while (n < 20000 && buffer[n] == 1)
        n++;
    return n;
}

static void datagrams_truncated(int ends[2])
{
    char *datagram = buffer + (1 << 20);
    struct iovec two[2] = {{buffer, 700}, {buffer + 700, 400}};
    struct msghdr message = {.msg_iov = two, .msg_iovlen = 2};
    const struct {
        long room;
        int flags;
    } ways[] = {{1000, MSG_TRUNC}, {1000, 0}, {8000, MSG_TRUNC}, {8000, 0}, {0, MSG_PEEK | MSG_TRUNC}, {1000, MSG_PEEK}};

    memset(datagram, 1, 5003);
    for (int i = 0; i < 6; i++) {
        long n, copied;
        need(gave(send(ends[0], datagram, 5003, 0)) == 5003, "send");
        memset(buffer, 0, 20000);
        n = recv(ends[1], ways[i].room ? buffer : 0, ways[i].room, ways[i].flags);
        copied = filled();
        need(n == (ways[i].flags & MSG_TRUNC || ways[i].room > 5003 ? 5003 : ways[i].room), "recv");
        need(copied == (ways[i].room > 5003 ? 5003 : ways[i].room), "filled");
        mine->kernel_to_user += copied;
        if (!(ways[i].flags & MSG_PEEK))
            mine->payload_in += n;
        else
            took(recv(ends[1], buffer, 20000, 0));
    }
    for (int flags = 0; flags <= MSG_TRUNC; flags += MSG_TRUNC) {
        long n;
        need(gave(send(ends[0], datagram, 5003, 0)) == 5003, "send");
        memset(buffer, 0, 20000);
        n = recvmsg(ends[1], &message, flags);
        need(n == (flags ? 5003 : 1100) && filled() == 1100, "recvmsg");
        mine->kernel_to_user += 1100, mine->payload_in += n;
    }
}

static void udp_truncated(void)
{
    int ends[2];
    udp(ends);
    datagrams_truncated(ends);
}

static void unix_dgram_truncated(void)
{
    int ends[2];
    unix_pair(SOCK_DGRAM, ends);
    datagrams_truncated(ends);
}

static void unix_seqpacket_truncated(void)
{
    int ends[2];
    unix_pair(SOCK_SEQPACKET, ends);
    datagrams_truncated(ends);
}

static void unix_stream_truncated(void)
{
    char *sent = buffer + (1 << 20);
    int ends[2];
    long n;

    unix_pair(SOCK_STREAM, ends);
    memset(sent, 1, 5003);
    need(gave(send(ends[0], sent, 5003, 0)) == 5003, "send");
    memset(buffer, 0, 20000);
    n = recv(ends[1], buffer, 5003, MSG_TRUNC);
    need(n > 0, "recv");
    mine->payload_in += n;
    // What a kernel does with the flag here is for it to say; this is what it did.
    mine->kernel_to_user += filled();
}

static void messages(int first, int last)
{
    const long lengths[5] = {101, 2003, 1, 30011, 777};
    struct iovec out[5], in[5];
    struct mmsghdr sent[5] = {}, got[5] = {};
    int ends[2];

    udp(ends);
    for (int round = first; round <= last; round++) {
        for (int i = 0; i < 5; i++) {
            out[i] = (struct iovec){buffer + i * 40000, lengths[i]};
            // The second round has room for less, the third is told how much was left out.
            in[i] = (struct iovec){buffer + (1 << 20) + i * 40000, round ? 500 : 40000};
            sent[i].msg_hdr = (struct msghdr){.msg_iov = &out[i], .msg_iovlen = 1};
            got[i].msg_hdr = (struct msghdr){.msg_iov = &in[i], .msg_iovlen = 1};
        }
        need(sendmmsg(ends[0], sent, 5, 0) == 5, "sendmmsg");
        need(recvmmsg(ends[1], got, 5, round == 2 ? MSG_TRUNC : 0, 0) == 5, "recvmmsg");
        for (int i = 0; i < 5; i++) {
            long room = round ? 500 : 40000, copied = lengths[i] < room ? lengths[i] : room;
            gave(lengths[i]);
            need(got[i].msg_len == (round == 2 ? lengths[i] : copied), "msg_len");
            mine->kernel_to_user += copied, mine->payload_in += got[i].msg_len;
        }
    }
}

static void many_messages(void)
{
    messages(0, 1);
}

static void many_messages_truncated(void)
{
    messages(2, 2);
}

static void unix_stream(void)
{
    int ends[2];
    unix_pair(SOCK_STREAM, ends);
    write_all(ends[0], buffer, size);
    receive(ends[1], buffer, size);
}

static void passed_file(void)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec seven = {buffer, 7};
    struct msghdr message = {.msg_iov = &seven, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    int ends[2], fd = source(O_RDONLY);

    unix_pair(SOCK_STREAM, ends);
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    need(gave(sendmsg(ends[0], &message, 0)) == 7, "sendmsg");
    need(took(recvmsg(ends[1], &message, 0)) == 7, "recvmsg");
    memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
    read_all(fd, buffer, size);
}
