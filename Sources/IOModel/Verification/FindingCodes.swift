extension Finding {
    /// Every code that a finding can have, so that a claim against one that does not exist is refused instead of holding for
    /// good. A test compares it with the rules.
    public static let codes = [
        "accept_finds_nothing", "aio_blocks_in_submit", "blocking_call_in_event_loop", "blocking_fd_in_epoll",
        "eagain_spinning", "hidden_copy", "more_waits_than_operations", "one_byte_operations", "one_peer_dominates",
        "file_io_in_event_loop", "large_poll_sets", "large_select_sets", "sync_in_event_loop", "wakeups_without_work",
        "uring_mostly_punted",
    ]
}
