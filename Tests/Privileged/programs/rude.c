// FILE: a program whose name, argument and file would command a terminal that printed them raw.
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int fd;
    prctl(PR_SET_NAME, "\033]0;x\007\033[2J\n\r\xff");
    fd = open(argv[1], O_WRONLY | O_CREAT, 0600);
    return write(fd, "rude", 4) != 4;
}
