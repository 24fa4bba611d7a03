// Calls getppid and reads /dev/zero for some seconds, as fast as it goes.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 1);
    int zero = open("/dev/zero", O_RDONLY);
    char bytes[64];

    while (time(NULL) < end)
        for (int i = 0; i < 1000; i++) {
            syscall(SYS_getppid);
            read(zero, bytes, sizeof(bytes));
        }
    return 0;
}
