/// The calls that wait for readiness or for results, and those that only carry operations, by their names.
enum WaitCalls {
    static let epoll = ["epoll_wait", "epoll_pwait", "epoll_pwait2"]
    static let poll = ["poll", "ppoll"]
    static let select = ["select", "pselect6"]
    static let libaio = ["io_getevents", "io_pgetevents"]
    /// They submit, and may wait for what was submitted.
    static let submitting: Set<String> = ["io_uring_enter", "io_submit"]
}

extension CallKind {
    /// A call of this kind is an operation, or waits for some.
    var isOperation: Bool {
        switch self {
        case .none, .fd, .mmap, .epollCtl, .open, .pipe, .socketpair, .close, .dup, .fcntl: false
        default: true
        }
    }
}

extension Totals {
    /// Calls of poll or select without any fd: they sleep, and wait for nothing.
    func sleeps(under rule: ModelRule) -> UInt64 {
        switch rule {
        case .poll: pollSleeps
        case .select: selectSleeps
        default: 0
        }
    }
}

extension ProcessFigures {
    /// The sum over calls, by their names.
    func calls(named names: [String]) -> CallFigures {
        names.compactMap { SyscallNames.number(of: $0) }.reduce(into: CallFigures()) { sum, number in
            if let call = calls[number] { sum += call }
        }
    }

    func successes(of names: [String]) -> UInt64 {
        let sum = calls(named: names)
        return sum.count.less(sum.errors)
    }
}
