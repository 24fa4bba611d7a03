// A TCP connection that leaves the loopback device: over a veth pair between two network namespaces that have no other
// members. Nothing is visible in the machine's own namespace, and a namespace without a name goes away with its last
// process or socket, and the veth pair with it.
#define _GNU_SOURCE
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECEIVER_ADDRESS 0xc0000202 // 192.0.2.2, from the range for documentation (RFC 5737)
#define NO_IP 127

// Runs iproute2's `ip` in a namespace. Returns its exit status, NO_IP if there is none.
static int run_ip(int netns, char *const arguments[])
{
    pid_t pid = fork();
    int status;

    if (pid < 0)
        return 1;
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        // fd 1 is the lab's pipe
        if (setns(netns, CLONE_NEWNET) || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
            _exit(1);
        execvp("ip", arguments);
        execv("/usr/sbin/ip", arguments); // often not in the PATH
        execv("/sbin/ip", arguments);
        _exit(NO_IP);
    }
    if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
        return 1;
    return WEXITSTATUS(status);
}

#define IP(netns, ...) run_ip(netns, (char *[]){"ip", __VA_ARGS__, NULL})

static int join_by_veth(struct transfer *t, int sender, int receiver)
{
    char worker[16];
    int status;

    // `netns PID` is the namespace that the worker is in: the sender's.
    snprintf(worker, sizeof(worker), "%d", (int)getpid());
    status = IP(receiver, "link", "add", "receiver", "type", "veth", "peer", "name", "sender", "netns", worker);
    if (status == NO_IP)
        return unavailable(t, "needs iproute2 (ip)");
    if (status)
        return unavailable(t, "needs veth devices");
    if (IP(receiver, "address", "add", "192.0.2.2/30", "dev", "receiver") ||
        IP(receiver, "link", "set", "receiver", "up") ||
        IP(sender, "address", "add", "192.0.2.1/30", "dev", "sender") || IP(sender, "link", "set", "sender", "up"))
        return unavailable(t, "needs addresses on veth devices");
    return 0;
}

// Puts the process into a new namespace and makes a socket there: a socket stays in the namespace it was made in.
static int new_namespace(struct transfer *t, int *netns, int *tcp)
{
    if (unshare(CLONE_NEWNET))
        return unavailable(t, "needs network namespaces (CAP_SYS_ADMIN)");
    *netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    *tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return *netns < 0 || *tcp < 0 ? fail(t, "socket in a network namespace") : 0;
}

int start_veth_drain(struct transfer *t)
{
    int sender = -1, receiver = -1, sending = -1, listening = -1, ends[2] = {-1, -1};
    int attempts = 3; // rather than the two minutes for which connect(2) goes on
    int result = -1;

    if (new_namespace(t, &receiver, &listening) || new_namespace(t, &sender, &sending) ||
        join_by_veth(t, sender, receiver))
        goto out;
    setsockopt(sending, IPPROTO_TCP, TCP_SYNCNT, &attempts, sizeof(attempts));
    if (connect_and_accept(sending, listening, RECEIVER_ADDRESS, ends)) {
        fail(t, "connecting over veth");
        goto out;
    }
    sending = -1;
    // The child inherits the namespace that the worker is in at the fork.
    result = setns(receiver, CLONE_NEWNET) ? fail(t, "setns") : start_drain(t, ends);
    if (!result && setns(sender, CLONE_NEWNET))
        result = fail(t, "setns");
out:
    for (size_t i = 0; i < 4; i++) {
        int fd = ((int[]){sender, receiver, sending, listening})[i];
        if (fd >= 0)
            close(fd);
    }
    return result;
}
