// A prime number of writes and another of reads, of a prime number of bytes each. Linked statically: a loader would read too.
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char block[16] = "0123456789abcde";
    int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);

    for (int i = 0; i < 99991; i++)
        if (write(fd, block, 7) != 7)
            return 1;
    lseek(fd, 0, SEEK_SET);
    for (int i = 0; i < 49999; i++)
        if (read(fd, block, 11) != 11)
            return 1;
    return 0;
}
