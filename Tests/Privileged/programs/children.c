// CHILDREN [PROGRAM]: that many children, one after the other; each runs PROGRAM, or calls getppid once and exits.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    for (int i = 0; i < atoi(argv[1]); i++) {
        pid_t child = fork();
        int status;
        if (child == 0) {
            if (argc > 2)
                execl(argv[2], argv[2], (char *)0);
            else
                syscall(SYS_getppid);
            _exit(argc > 2);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status)
            return 1;
    }
    return 0;
}
