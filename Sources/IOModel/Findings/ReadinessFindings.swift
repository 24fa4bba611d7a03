/// How the program is told that there is something to do: too often, too rarely, or in vain.
extension Finding {
    static func spinning(_ sums: ModelSums) -> Finding? {
        let operations = sums[.nonblocking].operations
        guard operations >= enough, sums.again > operations / 2 else { return nil }
        return Finding(
            code: "eagain_spinning",
            message: """
                \(Words.count(sums.again)) of \(Words.count(operations)) nonblocking operations found nothing (EAGAIN): \
                the program polls
                """,
            advice: "wait with epoll, or let the call block")
    }

    static func moreWaitsThanOperations(_ sums: ModelSums) -> Finding? {
        let watched = ModelRule.allCases.filter { $0.waitModel == .multiplexed }
        let waits = watched.reduce(0) { $0 &+ sums[$1].waits }
        let operations = watched.reduce(0) { $0 &+ sums[$1].operations }
        guard waits >= enough, waits > operations else { return nil }
        return Finding(
            code: "more_waits_than_operations",
            message: "\(Words.count(waits)) waits for \(Words.count(operations)) operations on watched fds",
            advice: "look for timeouts of 0, for fds that are always ready, or for wake-ups that find nothing to do")
    }

    static func blockingFDInEpoll(_ sums: ModelSums) -> Finding? {
        let operations = sums[.epoll].mayHaveSlept
        guard operations >= 10 else { return nil }
        return Finding(
            code: "blocking_fd_in_epoll",
            message: "\(Words.count(operations)) operations on fds in an epoll set that lack O_NONBLOCK",
            advice:
                "a spurious readiness makes the loop sleep in the call: set O_NONBLOCK, or use SOCK_NONBLOCK and accept4"
        )
    }

    static func herd(_ process: ProcessFigures) -> Finding? {
        let accepts = process.calls(named: ["accept", "accept4"])
        guard accepts.count >= 100, accepts.errors > accepts.count / 2 else { return nil }
        return Finding(
            code: "accept_finds_nothing",
            message: "\(Words.count(accepts.errors)) of \(Words.count(accepts.count)) accept calls found no connection",
            advice:
                "several waiters wake for one connection: EPOLLEXCLUSIVE or SO_REUSEPORT wakes one; or accept until EAGAIN only"
        )
    }
}
