/// What shows that operations fall under a rule, in words.
struct Evidence {
    let sums: ModelSums
    /// false: it is about one fd, and waits belong to none.
    let countsWaits: Bool

    func words(for rule: ModelRule) -> String {
        let figures = sums[rule]
        let onlySignals = figures.operations > 0 && figures.onSignals == figures.operations
        return what(rule) + (onlySignals ? "; all on eventfds, timerfds or signalfds, so they decide no tag" : "")
    }

    private func what(_ rule: ModelRule) -> String {
        let figures = sums[rule]
        let count = Words.count(figures.operations)
        let one = figures.operations == 1
        let operations = "\(count) \(one ? "operation" : "operations")"
        switch rule {
        case .blocking:
            return operations + " on fds without O_NONBLOCK that no multiplexer watched" + files(figures) + posixAIO
        case .programFiles:
            return operations + " on libraries, modules, settings and its own state in /proc; they decide no tag"
        case .nonblocking:
            let again = "\(sums.againIsExact ? "" : "at most ")\(Words.count(sums.again))"
            return operations + " that could not sleep, on fds that no multiplexer watched; EAGAIN \(again) times"
        case .epoll: return operations + " on fds in an epoll set" + readiness(figures, "epoll_wait")
        case .poll: return operations + " on fds that poll had in its set" + readiness(figures, "poll")
        case .select: return operations + " on fds that select had found ready" + readiness(figures, "select")
        case .signal: return operations + " on fds with O_ASYNC: a signal says when" + signals
        case .uring: return "\(count) \(one ? "request" : "requests") of io_uring completed"
        case .uringSQPoll:
            return
                "\(count) \(one ? "request" : "requests") of io_uring completed, submitted by a kernel thread that polls"
        case .libaio:
            return operations + " of Linux AIO"
                + (countsWaits ? "; \(Words.count(figures.waits)) io_getevents calls" : "")
        case .zeroCopy, .direct, .mapped: return ""
        }
    }

    private var posixAIO: String {
        sums.posixAIO > 0 ? "; \(Words.count(sums.posixAIO)) by the C library's threads for POSIX AIO" : ""
    }

    private var signals: String {
        sums.signals > 0 ? "; \(Words.plural(sums.signals, "signal")) did" : ""
    }

    private func files(_ figures: RuleFigures) -> String {
        guard figures.onRegularFiles > 0 else { return "" }
        if figures.onRegularFiles == figures.operations { return ", on regular files, which seldom sleep" }
        return ", \(Words.count(figures.onRegularFiles)) of them on regular files, which seldom sleep"
    }

    private func readiness(_ figures: RuleFigures, _ call: String) -> String {
        var words = ""
        if figures.mayHaveSlept > 0 { words += ", \(Words.count(figures.mayHaveSlept)) of them on blocking fds" }
        guard countsWaits else { return words }
        words += "; \(Words.count(figures.waits)) \(call) calls"
        if figures.operations > 0 {
            words += ", \(Words.ratio(Double(figures.waits) / Double(figures.operations))) for each operation"
        } else {
            words += "; nothing was done on what they watch, so they decide no tag"
        }
        return words
    }
}
