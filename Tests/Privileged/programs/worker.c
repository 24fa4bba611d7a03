// Does one thing per line of standard input, answers with one line, and waits for the next: so a test can look at it, and
// attach to it, while it sleeps in read().
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void nap(long long nanoseconds)
{
    struct timespec t = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    nanosleep(&t, 0);
}

static void calls(long n)
{
    while (n-- > 0)
        syscall(SYS_getppid);
}

static void *thread_main(void *n)
{
    calls((long)n);
    return 0;
}

static void need(int ok, const char *what)
{
    if (!ok) {
        dprintf(1, "failed %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

// Every call whose bytes the kernel adds to rchar and wchar, on a file, a pipe and a socket; some of them fail.
static void do_io(const char *path)
{
    static char block[70000];
    struct iovec two[2] = {{block, 1021}, {block, 509}};
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), ends[2], pair[2];
    off_t start = 0;

    need(fd >= 0, "open");
    for (int i = 0; i < 101; i++)
        need(write(fd, block, 1009) == 1009, "write");
    need(pwrite(fd, block, 65537, 13) == 65537, "pwrite");
    need(writev(fd, two, 2) == 1530, "writev");
    need(pwritev(fd, two, 2, 7) == 1530, "pwritev");
    lseek(fd, 0, SEEK_SET);
    while (read(fd, block, 997) > 0)
        ;
    need(pread(fd, block, 4099, 3) == 4099, "pread");
    need(preadv(fd, two, 2, 5) == 1530, "preadv");
    lseek(fd, 0, SEEK_SET);
    need(readv(fd, two, 2) == 1530, "readv");
    need(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "pipe");
    for (int i = 0; i < 37; i++) {
        need(write(ends[1], block, 331) == 331 && read(ends[0], block, 4096) == 331, "pipe I/O");
        need(write(pair[0], block, 127) == 127 && read(pair[1], block, 4096) == 127, "socket I/O");
    }
    need(sendfile(ends[1], fd, &start, 4001) == 4001 && read(ends[0], block, 8192) == 4001, "sendfile");
    errno = 0;
    need(read(-1, block, 10) == -1 && write(ends[0], block, 10) == -1, "failing I/O");
    need(syscall(SYS_read, fd, 1, 10) == -1 && errno == EFAULT, "faulting I/O");
    close(ends[0]), close(ends[1]), close(pair[0]), close(pair[1]), close(fd);
}

int main(void)
{
    char line[4096];
    ssize_t length;

    while ((length = read(0, line, sizeof(line) - 1)) > 0) {
        char verb[32] = "", text[4000] = "";
        long a = 0, b = 0;
        long long before = now(CLOCK_REALTIME);

        line[length] = 0;
        sscanf(line, "%31s %3999s", verb, text);
        sscanf(line, "%*s %ld %ld", &a, &b);
        if (!strcmp(verb, "usage")) {
            struct rusage usage;
            getrusage(RUSAGE_SELF, &usage);
            dprintf(1, "%ld %ld\n", usage.ru_nvcsw, usage.ru_nivcsw);
            continue;
        } else if (!strcmp(verb, "naps")) {
            for (long i = 0; i < a; i++)
                nap(b * 1000);
        } else if (!strcmp(verb, "sleep")) {
            nap(a * 1000000ll);
            dprintf(1, "%lld %lld\n", before, now(CLOCK_REALTIME));
            continue;
        } else if (!strcmp(verb, "burn")) {
            long long end = now(CLOCK_THREAD_CPUTIME_ID) + a * 1000000ll;
            while (now(CLOCK_THREAD_CPUTIME_ID) < end)
                ;
        } else if (!strcmp(verb, "calls")) {
            calls(a);
        } else if (!strcmp(verb, "fork")) {
            pid_t child = fork();
            if (child == 0) {
                calls(a);
                _exit(0);
            }
            waitpid(child, 0, 0);
            dprintf(1, "%d\n", child);
            continue;
        } else if (!strcmp(verb, "thread")) {
            pthread_t thread;
            pthread_create(&thread, 0, thread_main, (void *)a);
            pthread_join(thread, 0);
        } else if (!strcmp(verb, "io")) {
            do_io(text);
        } else if (!strcmp(verb, "exit")) {
            exit(a);
        }
        dprintf(1, "done\n");
    }
    return 0;
}
