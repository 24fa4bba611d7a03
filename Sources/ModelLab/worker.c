#define _GNU_SOURCE
#include "ModelLab.h"
#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_MESSAGES 100000
#define LONGEST_GAP 1000000000ull

int trial_fail(struct trial *t, const char *what)
{
    return lab_fail(&t->problem, what);
}

int trial_unavailable(struct trial *t, const char *why)
{
    return lab_unavailable(&t->problem, why);
}

int received(struct trial *t, ssize_t result, const char *what)
{
    if (result <= 0 || (size_t)result > t->left) {
        if (result >= 0)
            errno = EPIPE; // the peer has gone, or sent what nobody asked for
        return trial_fail(t, what);
    }
    t->left -= (size_t)result;
    return 0;
}

int make_nonblocking(struct trial *t)
{
    for (int i = 0; i < t->method->connections; i++)
        if (fcntl(t->connections[i], F_SETFL, O_NONBLOCK))
            return trial_fail(t, "fcntl");
    return 0;
}

static int take_arguments(struct trial *t, int argc, char **argv)
{
    unsigned long long messages;

    errno = EINVAL;
    if (argc != 4)
        return trial_fail(t, "arguments (NAME MESSAGES GAP DIRECTORY)");
    t->method = find_model_method(argv[0]);
    if (!t->method)
        return trial_fail(t, "NAME");
    if (lab_number(argv[1], MOST_MESSAGES, &messages))
        return trial_fail(t, "MESSAGES");
    errno = EINVAL;
    if (messages % (2 * CONNECTIONS)) // a mixture halves them
        return trial_fail(t, "MESSAGES (a multiple of 8)");
    t->messages = (unsigned)messages;
    if (lab_number(argv[2], LONGEST_GAP, &t->gap))
        return trial_fail(t, "GAP");
    t->directory = open(argv[3], O_PATH | O_DIRECTORY | O_CLOEXEC);
    return t->directory < 0 ? trial_fail(t, "DIRECTORY") : 0;
}

static int open_file(struct trial *t)
{
    size_t size = t->messages * BLOCK_BYTES;
    char *content = pages(size);

    if (!content)
        return trial_fail(t, "mmap");
    fill(content, size);
    t->file = openat(t->directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (t->file < 0)
        return trial_fail(t, "O_TMPFILE in DIRECTORY");
    if (write(t->file, content, size) != (ssize_t)size || fsync(t->file))
        return trial_fail(t, "writing a file");
    if (t->method->file == CACHED_FILE)
        return 0;
    // Nothing of it may be left in the page cache: a direct read would have to look after it.
    posix_fadvise(t->file, 0, 0, POSIX_FADV_DONTNEED);
    return fcntl(t->file, F_SETFL, O_DIRECT) ? trial_unavailable(t, "needs O_DIRECT in DIRECTORY") : 0;
}

static int set_up(struct trial *t)
{
    const struct model_method *method = t->method;

    t->left = t->messages * (method->file == DIRECT_FILE ? BLOCK_BYTES : MESSAGE_BYTES);
    // The peer first: what exists when it is forked is held open by it for a moment.
    if (method->connections > 0 && start_peer(t))
        return -1;
    if (method->file != NO_FILE && open_file(t))
        return -1;
    if (method->prepare && method->prepare(t))
        return -1;
    map_everything();
    return 0;
}

static void take_down(struct trial *t)
{
    for (int i = 0; i < CONNECTIONS; i++)
        if (t->connections[i] >= 0)
            close(t->connections[i]);
    if (t->peer > 0)
        waitpid(t->peer, NULL, 0);
}

// Until the lab continues it. One system call, which has ended when the process stops.
static void stop(void)
{
    kill(getpid(), SIGSTOP);
}

// Steps 1 to 4 of the protocol.
static int run(struct trial *t)
{
    size_t size = t->left;
    int64_t start, end;
    int failed;
    char byte;

    lab_nanoseconds(); // maps the vDSO's data, which can't be locked
    if (lab_say("ready %u %zu %d\n", t->messages, size, t->method->connections))
        return 0; // the lab has gone
    stop();
    start = lab_nanoseconds();
    if (t->begun)
        __atomic_store_n(t->begun, 1, __ATOMIC_RELEASE);
    failed = t->method->program(t);
    end = lab_nanoseconds();
    stop();
    if (failed)
        return lab_give_up(&t->problem);
    lab_say("done %zu %lld\n", size - t->left, (long long)(end - start));
    while (read(0, &byte, 1) > 0)
        ;
    return 0;
}

int model_lab_worker(int argc, char **argv)
{
    struct trial t = {.connections = {-1, -1, -1, -1}, .directory = -1, .file = -1};
    pid_t lab = getppid();
    int status;

    // A stopped process hears no end of file, so it has to end with the lab.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != lab)
        return 1;
    signal(SIGPIPE, SIG_IGN); // a lab that has gone is an error to report, not a death
    status = take_arguments(&t, argc, argv) || set_up(&t) ? lab_give_up(&t.problem) : run(&t);
    take_down(&t);
    return status;
}
