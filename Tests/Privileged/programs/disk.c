// FILE: writes past the page cache's patience, syncs, and reads back from the device.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600), direct;
    void *block;

    if (fd < 0 || posix_memalign(&block, 4096, 1 << 20))
        return 1;
    for (int round = 0; round < 8; round++) {
        for (int i = 0; i < 4; i++)
            if (write(fd, block, 1 << 20) != 1 << 20)
                return 1;
        if (fsync(fd))
            return 1;
    }
    direct = open(argv[1], O_RDONLY | O_DIRECT);
    if (direct < 0)
        direct = fd; // not every file system has it
    lseek(direct, 0, SEEK_SET);
    while (read(direct, block, 65536) > 0)
        ;
    return 0;
}
