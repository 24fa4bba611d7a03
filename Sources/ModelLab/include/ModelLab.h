// The model lab: each way of waiting for data as one small program, and the worker process that runs one of them
// between two stops, so that exactly the program can be traced.
#ifndef MODELLAB_H
#define MODELLAB_H

#include <stddef.h>

struct model_method;

/// One program.
struct model_row {
    const char *name;                  ///< what the worker is asked for
    const char *title;                 ///< for people
    const struct model_method *method; ///< the worker's own business
};

/// All programs, in the order in which a table shows them. Static memory.
const struct model_row *model_lab_rows(size_t *count);

/// Runs one program. `argv` is NAME MESSAGES GAP DIRECTORY (`argc` 4): a row's name, how many messages a peer sends,
/// nanoseconds before each, and where a file is made. The other side of fds 0 and 1 is the lab, the worker's parent:
///
///  1. Everything is set up, and then one line is written: `ready MESSAGES BYTES CONNECTIONS` (bytes altogether),
///     `unavailable WHY` (return 0) or `failed WHAT: ERRNO` (return 1).
///  2. The worker stops itself with SIGSTOP, until the lab continues it.
///  3. The program runs once, while the peer sends.
///  4. The worker stops itself again: now its counters stand still. Continued, it writes `done BYTES NANOSECONDS`
///     (received, and the time that the program took) or `failed WHAT: ERRNO`. At the end of file on fd 0 it ends.
///
/// Returns the exit status. Nothing outlives the process or the lab, however they end: the worker gets SIGKILL with its
/// parent, the peer leaves when the worker's end of its socket closes, and files are unlinked as soon as they are open.
int model_lab_worker(int argc, char **argv);

#endif
