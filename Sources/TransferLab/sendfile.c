// Asking the kernel to move the bytes between two descriptors itself.
#define _GNU_SOURCE
#include "transfer.h"

#include <sys/sendfile.h>
#include <unistd.h>

// sendfile(2). The kernel puts references to the page cache's pages into the socket: no copy by the CPU, no buffer in
// the process, one call. What has no pages to refer to (/proc, /dev/zero) is first read into new pages inside the
// kernel, and so is an O_DIRECT source, whose pages the device fills. A regular file as the sink is written by copying.
ssize_t move_by_sendfile(struct transfer *t)
{
    size_t moved = 0;

    while (moved < t->size) {
        ssize_t sent = sendfile(t->sink, t->source, NULL, t->size - moved);
        if (sent < 0)
            return fail(t, "sendfile");
        if (sent == 0)
            break;
        moved += (size_t)sent;
    }
    return (ssize_t)moved;
}

// copy_file_range(2). File systems that can share blocks between files do (reflink), and network file systems can copy
// on the server; the others copy through the page cache, inside the kernel.
ssize_t move_by_copy_file_range(struct transfer *t)
{
    size_t moved = 0;

    while (moved < t->size) {
        ssize_t copied = copy_file_range(t->source, NULL, t->sink, NULL, t->size - moved, 0);
        if (copied < 0)
            return fail(t, "copy_file_range");
        if (copied == 0)
            break;
        moved += (size_t)copied;
    }
    return (ssize_t)moved;
}
