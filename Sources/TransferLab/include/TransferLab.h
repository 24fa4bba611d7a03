// The transfer lab: each way of moving bytes between two ends, as one plain function, and the worker process that runs
// one of them between two waits, so that exactly the moving can be traced.
#ifndef TRANSFERLAB_H
#define TRANSFERLAB_H

#include <stddef.h>

struct transfer_method;

/// One way of moving bytes.
struct transfer_row {
    const char *name;                     ///< what the worker is asked for
    const char *title;                    ///< for people
    const struct transfer_method *method; ///< the worker's own business
};

/// All ways, in the order in which a table shows them. Static memory.
const struct transfer_row *transfer_lab_rows(size_t *count);

/// Runs one transfer. `argv` is NAME SIZE DIRECTORY (`argc` 3): a row's name, bytes (a multiple of 1 MiB), and where
/// files are made. The other side of fds 0 and 1 is the lab:
///
///  1. Everything is set up, and then one line is written: `ready N` (the bytes that will be moved),
///     `unavailable WHY` (return 0) or `failed WHAT: ERRNO` (return 1).
///  2. One byte is awaited on fd 0.
///  3. The bytes are moved once. No system call is made that isn't part of the moving.
///  4. `done BYTES NANOSECONDS` (or `failed WHAT: ERRNO`) is written in one write. At the end of file on fd 0, now or
///     in step 2, everything is taken down.
///
/// Returns the exit status. Nothing outlives the process, however it ends: files are unlinked as soon as they are open,
/// children leave when the worker's end of their socket or pipe closes, and network namespaces have no name.
int transfer_lab_worker(int argc, char **argv);

#endif
