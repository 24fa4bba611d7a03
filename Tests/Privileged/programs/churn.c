// Starts and ends threads, files, children and connections, again and again, at a steady rate, until its input ends.
//
// churn DIRECTORY [PAUSE_MS]
//
// A cycle: 4 threads, 16 files of names that were never used before, 2 children, 4 TCP connections to itself; then a
// pause (5 ms). Answers, at its end, "CYCLES".
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, FILES = 16, CHILDREN = 2, CONNECTIONS = 4 };

static const char *directory;
static int listener;
static struct sockaddr_in address = {.sin_family = AF_INET};

static void fail(const char *attempted)
{
    fprintf(stderr, "churn: %s: %s\n", attempted, strerror(errno));
    exit(1);
}

static void *thread(void *unused)
{
    int fd = open("/dev/zero", O_RDONLY);
    char buffer[64];

    if (fd < 0 || read(fd, buffer, sizeof(buffer)) != sizeof(buffer))
        fail("reading /dev/zero");
    close(fd);
    return unused;
}

static void run_threads(void)
{
    pthread_t threads[THREADS];

    for (int number = 0; number < THREADS; number++)
        if ((errno = pthread_create(&threads[number], NULL, thread, NULL)))
            fail("starting a thread");
    for (int number = 0; number < THREADS; number++)
        pthread_join(threads[number], NULL);
}

static void write_files(unsigned long cycle)
{
    for (int number = 0; number < FILES; number++) {
        char path[512];
        int fd;

        snprintf(path, sizeof(path), "%s/file-%lu-%d", directory, cycle, number);
        fd = open(path, O_RDWR | O_CREAT, 0600);
        if (fd < 0 || write(fd, path, 64) != 64)
            fail(path);
        close(fd);
        unlink(path);
    }
}

static void run_children(void)
{
    for (int number = 0; number < CHILDREN; number++) {
        pid_t child = fork();

        if (child < 0)
            fail("fork");
        if (child == 0) {
            thread(NULL);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
}

static void connect_and_close(void)
{
    for (int number = 0; number < CONNECTIONS; number++) {
        char buffer[64] = {0};
        int here = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), there;
        // No TIME_WAIT, or the ports run out.
        struct linger at_once = {1, 0};

        setsockopt(here, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        if (connect(here, (struct sockaddr *)&address, sizeof(address)) || (there = accept(listener, NULL, NULL)) < 0)
            fail("connecting");
        if (write(here, buffer, sizeof(buffer)) != sizeof(buffer) ||
            read(there, buffer, sizeof(buffer)) != sizeof(buffer))
            fail("sending");
        close(here);
        close(there);
    }
}

int main(int argc, char **argv)
{
    socklen_t size = sizeof(address);
    struct pollfd input = {.events = POLLIN};
    unsigned long cycle = 0;
    int pause = argc > 2 ? atoi(argv[2]) : 5;

    if (argc < 2)
        return 2;
    directory = argv[1];
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 16) ||
        getsockname(listener, (struct sockaddr *)&address, &size))
        fail("listening");
    // Begins with the first line, and ends with the end of the input.
    if (getchar() == EOF)
        return 0;
    do {
        run_threads();
        write_files(cycle);
        run_children();
        connect_and_close();
        cycle++;
    } while (poll(&input, 1, pause) == 0);
    printf("%lu\n", cycle);
    return 0;
}
