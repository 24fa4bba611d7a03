#include "ModelLab.h"
#include "trial.h"

#include <string.h>

// A row's last field is what the worker does; the lab sees only the name and the title.
#define METHOD(...) (&(const struct model_method){__VA_ARGS__})

static const struct model_row rows[] = {
    {"blocking", "blocking", METHOD(.connections = 1, .program = receive_blocking)},
    {"threads", "threads", METHOD(.connections = CONNECTIONS, .program = receive_in_threads)},
    {"nonblocking", "busy polling", METHOD(.connections = 1, .program = receive_spinning)},
    {"select", "select", METHOD(.connections = CONNECTIONS, .program = receive_by_select)},
    {"poll", "poll", METHOD(.connections = CONNECTIONS, .program = receive_by_poll)},
    {"ppoll", "ppoll", METHOD(.connections = CONNECTIONS, .program = receive_by_ppoll)},
    {"epoll", "epoll level", METHOD(.connections = CONNECTIONS, .program = receive_by_epoll)},
    {"epoll-edge", "epoll edge", METHOD(.connections = CONNECTIONS, .program = receive_by_epoll_edge)},
    {"sigio", "SIGIO", METHOD(.connections = 1, .program = receive_by_sigio)},
    {"linux-aio", "Linux AIO poll", METHOD(.connections = 1, .prepare = need_aio_poll, .program = receive_by_aio)},
    {"linux-aio-direct", "Linux AIO direct",
     METHOD(.file = DIRECT_FILE, .prepare = need_aio_poll, .program = read_direct_by_aio)},
    {"posix-aio", "POSIX AIO", METHOD(.connections = 1, .program = receive_by_posix_aio)},
    {"io_uring", "io_uring", METHOD(.connections = CONNECTIONS, .prepare = need_uring, .program = receive_by_uring)},
    {"io_uring-sqpoll", "io_uring SQPOLL",
     METHOD(.connections = CONNECTIONS, .prepare = need_polled_uring, .program = receive_by_polled_uring)},
    {"blocking-epoll", "blocking → epoll", METHOD(.connections = CONNECTIONS, .program = receive_blocking_then_epoll)},
    {"epoll-io_uring", "epoll + io_uring",
     METHOD(.connections = CONNECTIONS, .file = CACHED_FILE, .prepare = need_uring,
            .program = receive_by_epoll_read_by_uring)},
};

const struct model_row *model_lab_rows(size_t *count)
{
    *count = sizeof(rows) / sizeof(rows[0]);
    return rows;
}

const struct model_method *find_model_method(const char *name)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!strcmp(rows[i].name, name))
            return rows[i].method;
    return NULL;
}
