/// How the program is told that there is something to do: too often, too rarely, or in vain.
extension Finding {
    static func spinning(_ process: ProcessFigures, _ sums: ModelSums) -> Finding? {
        let operations = sums[.nonblocking].operations
        guard operations >= enough, sums.again > operations / 2 else { return nil }
        let totals = process.totals
        let each = Words.share(totals.againOnCPU, of: totals.againTimed)
        let cost = each.map { ", for about \(Words.time(UInt64($0 * Double(sums.again)))) on a CPU" } ?? ""
        return Finding(
            code: "eagain_spinning",
            message: """
                \(sums.againIsExact ? "" : "at most ")\(Words.count(sums.again)) of \(Words.count(operations)) nonblocking \
                operations found nothing (EAGAIN)\(cost): the program polls
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
            message: "\(Words.count(waits)) waits for \(Words.count(operations)) operations on watched fds"
                + asked(sums),
            advice: "look for timeouts of 0, for fds that are always ready, or for wake-ups that find nothing to do")
    }

    private static func asked(_ sums: ModelSums) -> String {
        sums.instantWaits > 0 ? "; \(Words.count(sums.instantWaits)) of the waits had a timeout of 0" : ""
    }

    /// Fds were ready, and the thread that was woken did nothing that succeeded before it waited again. Where more was done
    /// on what is watched than there were wake-ups, other threads do the work.
    static func idleWakeups(_ process: ProcessFigures, _ sums: ModelSums) -> Finding? {
        let totals = process.totals
        let watched: [ModelRule] = [.epoll, .poll, .select]
        let operations = watched.reduce(0) { $0 &+ sums[$1].operations }
        guard totals.wakeups >= enough, totals.idleWakeups > totals.wakeups / 2, operations < totals.wakeups else {
            return nil
        }
        return Finding(
            code: "wakeups_without_work",
            message: """
                \(Words.count(totals.idleWakeups)) of \(Words.count(totals.wakeups)) wake-ups with ready fds were followed by \
                no call that did anything
                """,
            advice: """
                several waiters wake for one event (EPOLLEXCLUSIVE, EPOLLET or EPOLLONESHOT wakes one), or a ready fd is left \
                alone and stays ready
                """)
    }

    /// The kernel goes through the whole set at each call.
    static func largeSets(_ process: ProcessFigures, _ sums: ModelSums, _ rule: ModelRule) -> Finding? {
        let waits = sums[rule].waits
        let fds = rule == .poll ? process.totals.pollFDs : process.totals.selectFDs
        guard waits >= enough, fds / waits >= 64 else { return nil }
        var onCPU: Double = 0, timed: Double = 0
        for name in rule.waitCalls {
            guard let number = SyscallNames.number(of: name), let latency = process.latencies[number] else { continue }
            onCPU += Double(latency.onCPU)
            timed += Double(latency.calls)
        }
        let cost = timed > 0 ? ", for about \(Words.time(UInt64(onCPU / timed))) on a CPU each" : ""
        let size = rule == .poll ? "\(Words.count(fds / waits)) fds" : "the first \(Words.count(fds / waits)) fds"
        return Finding(
            code: rule == .poll ? "large_poll_sets" : "large_select_sets",
            message: "\(Words.count(waits)) \(rule.rawValue) calls went through \(size) each, on average\(cost)",
            advice: "the cost grows with every fd, ready or not: epoll returns the ready ones alone")
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
