// Small programs that try to break the rules by which operations are put down to wait models: rules NAME.
#include "rules/polled.h"
#include "rules/unwatched.h"
#include "rules/watched.h"

#define SCENARIO(name)                                                                                                 \
    {                                                                                                                  \
#name, name                                                                                                    \
    }

static const struct {
    const char *name;
    void (*run)(void);
} scenarios[] = {
    SCENARIO(poll_in_one_thread_read_in_another),
    SCENARIO(poll_one_read_its_duplicates),
    SCENARIO(poll_in_the_parent_read_in_the_child),
    SCENARIO(reuse_a_polled_number),
    SCENARIO(poll_sets_that_look_alike),
    SCENARIO(poll_once_then_block),
    SCENARIO(poll_once_then_block_then_poll_again),
    SCENARIO(poll_without_waiting),
    SCENARIO(select_to_sleep),
    SCENARIO(select_to_sleep_for_long),
    SCENARIO(select_to_sleep_and_to_watch),
    SCENARIO(epoll_in_epoll),
    SCENARIO(epoll_set_inherited),
    SCENARIO(epoll_set_of_the_parent),
    SCENARIO(event_and_timer_loop),
    SCENARIO(block_on_an_event),
    SCENARIO(block_on_a_signalfd),
    SCENARIO(accept_then_loop),
    SCENARIO(idle_loop),
    SCENARIO(toggle_nonblocking),
    SCENARIO(receive_without_waiting),
    SCENARIO(be_told_by_a_real_time_signal),
    SCENARIO(ring_for_timers),
};

int main(int count, char **arguments)
{
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
        if (count == 2 && !strcmp(arguments[1], scenarios[i].name)) {
            scenarios[i].run();
            return 0;
        }
    }
    fprintf(stderr, "usage: rules NAME\n");
    return 64;
}
