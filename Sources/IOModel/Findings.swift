/// Something about a process's I/O that an experienced engineer would point out, with the number that shows it and a remedy.
///
/// Each rule needs enough operations or time to mean something; below that it stays silent. docs/models.md lists them.
public struct Finding: Sendable, Equatable {
    /// Stable name of the kind.
    public var code: String
    /// What is so, with its number.
    public var message: String
    public var advice: String

    public init(code: String, message: String, advice: String) {
        self.code = code
        self.message = message
        self.advice = advice
    }
}

extension Finding {
    /// Operations below which a share says nothing.
    private static let enough: UInt64 = 1000
    private static let millisecond: UInt64 = 1_000_000

    /// Everything that the figures of a process support.
    public static func all(in process: ProcessFigures) -> [Finding] { all(in: ModelClassifier(process)) }

    /// The same of a process that has been classified already.
    public static func all(in classifier: ModelClassifier) -> [Finding] {
        let process = classifier.process
        let sums = classifier.sums
        let isEventLoop = classifier.tags.contains(WaitModel.multiplexed.rawValue)
        let rules: [Finding?] = [
            isEventLoop ? syncInEventLoop(process) : nil, isEventLoop ? sleepInEventLoop(process) : nil,
            spinning(sums), moreWaitsThanOperations(process, sums), blockingFDInEpoll(sums), tinyOperations(process),
            herd(process), blockingSubmit(process), punted(process), onePeer(process), hiddenCopies(process),
        ]
        return rules.compactMap { $0 }
    }

    private static func syncInEventLoop(_ process: ProcessFigures) -> Finding? {
        let syncs = process.calls(named: ["fsync", "fdatasync", "sync_file_range"])
        guard syncs.count > 0, syncs.blocked >= millisecond else { return nil }
        return Finding(
            code: "sync_in_event_loop",
            message:
                "\(Words.count(syncs.count)) fsync calls slept \(Words.time(syncs.blocked)) in a process with an event loop",
            advice:
                "if it is the loop's own thread, all its connections wait meanwhile: sync in another thread, or with io_uring"
        )
    }

    /// Sleeps on fds that nobody watches, in a process that otherwise waits in a multiplexer.
    private static func sleepInEventLoop(_ process: ProcessFigures) -> Finding? {
        var asleep: UInt64 = 0
        var worst: FileFigures?
        for file in process.files.values
        where file.operations(of: .blocking) > 0 && file.identity.canSleepForLong {
            asleep &+= file.blocked
            if file.blocked > worst?.blocked ?? 0 { worst = file }
        }
        guard let worst, asleep > process.totals.observed / 100, asleep >= 10 * millisecond else { return nil }
        return Finding(
            code: "blocking_call_in_event_loop",
            message: """
                blocking calls on fds that no multiplexer watches slept \(Words.time(asleep)), most on \(worst.identity.name), \
                in a process with an event loop
                """,
            advice: "if it is the loop's own thread, watch the fd too, or give the call to another thread")
    }

    private static func spinning(_ sums: ModelClassifier.Sums) -> Finding? {
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

    private static func moreWaitsThanOperations(_ process: ProcessFigures, _ sums: ModelClassifier.Sums) -> Finding? {
        let waits = process.successes(of: WaitCalls.epoll + WaitCalls.poll + WaitCalls.select)
        let watched = ModelSlot.allCases.filter { $0.model == .multiplexed }
        let operations = watched.reduce(0) { $0 &+ sums[$1].operations }
        guard waits >= enough, waits > operations else { return nil }
        return Finding(
            code: "more_waits_than_operations",
            message: "\(Words.count(waits)) waits for \(Words.count(operations)) operations on watched fds",
            advice: "look for timeouts of 0, for fds that are always ready, or for wake-ups that find nothing to do")
    }

    private static func blockingFDInEpoll(_ sums: ModelClassifier.Sums) -> Finding? {
        let operations = sums[.epollBlockingFD].operations
        guard operations >= 10 else { return nil }
        return Finding(
            code: "blocking_fd_in_epoll",
            message: "\(Words.count(operations)) operations on fds in an epoll set that lack O_NONBLOCK",
            advice:
                "a spurious readiness makes the loop sleep in the call: set O_NONBLOCK, or use SOCK_NONBLOCK and accept4"
        )
    }

    private static func tinyOperations(_ process: ProcessFigures) -> Finding? {
        let tiny = process.files.values.filter { file in
            let bytes = file.bytesIn &+ file.bytesOut
            return file.operations.less(file.again) >= enough && bytes > 0 && bytes <= file.operations
                && ![.eventfd, .timerfd, .signalfd].contains(file.identity.type)
        }
        guard let worst = tiny.max(by: { $0.operations < $1.operations }) else { return nil }
        return Finding(
            code: "one_byte_operations",
            message: "\(Words.count(worst.operations)) operations on \(worst.identity.name) moved a byte each",
            advice: "buffer them: each costs two mode switches")
    }

    private static func herd(_ process: ProcessFigures) -> Finding? {
        let accepts = process.calls(named: ["accept", "accept4"])
        guard accepts.count >= 100, accepts.errors > accepts.count / 2 else { return nil }
        return Finding(
            code: "accept_finds_nothing",
            message: "\(Words.count(accepts.errors)) of \(Words.count(accepts.count)) accept calls found no connection",
            advice:
                "several waiters wake for one connection: EPOLLEXCLUSIVE or SO_REUSEPORT wakes one; or accept until EAGAIN only"
        )
    }

    private static func blockingSubmit(_ process: ProcessFigures) -> Finding? {
        let call = process.calls(named: ["io_submit"])
        guard call.blocked >= 10 * millisecond else { return nil }
        return Finding(
            code: "aio_blocks_in_submit",
            message: "\(Words.count(call.count)) io_submit calls slept \(Words.time(call.blocked))",
            advice:
                "Linux AIO is asynchronous for O_DIRECT only, and not while it allocates: open with O_DIRECT, or use io_uring"
        )
    }

    private static func punted(_ process: ProcessFigures) -> Finding? {
        let all = process.uring.values.reduce(into: UringFigures()) { $0 += $1 }
        guard all.completed >= 100, all.punted > all.completed / 2 else { return nil }
        return Finding(
            code: "uring_mostly_punted",
            message:
                "\(Words.count(all.punted)) of \(Words.count(all.completed)) io_uring requests went to worker threads",
            advice:
                "buffered writes and what cannot be polled do: O_DIRECT, or a file system with nonblocking buffered writes, avoids it"
        )
    }

    private static func onePeer(_ process: ProcessFigures) -> Finding? {
        let sockets = process.files.values.filter { $0.identity.type.isSocket && $0.identity.peer != nil }
        let all = sockets.reduce(0) { $0 &+ $1.blocked }
        guard sockets.count > 1, let worst = sockets.max(by: { $0.blocked < $1.blocked }),
            all >= 100 * millisecond, worst.blocked > all / 5 * 4, let peer = worst.identity.peer
        else { return nil }
        return Finding(
            code: "one_peer_dominates",
            message: """
                \(Words.time(worst.blocked)) of \(Words.time(all)) asleep on \(Words.count(UInt64(sockets.count))) sockets \
                were waits for \(peer)
                """,
            advice: "that peer, or the network to it, sets the pace")
    }

    private static func hiddenCopies(_ process: ProcessFigures) -> Finding? {
        let hidden = process.hiddenCopies()
        let bytes = hidden.reduce(0) { $0 &+ $1.bytes }
        guard let first = hidden.first, let payload = Copies(of: process)?.payload, bytes > payload / 100 else {
            return nil
        }
        return Finding(
            code: "hidden_copy",
            message:
                "\(Words.count(bytes)) bytes were copied that were meant not to be, most by \(first.operation): \(first.reason)",
            advice: first.advice)
    }
}

extension FileFigures {
    func operations(of slot: ModelSlot) -> UInt64 {
        slot.rawValue < models.count ? models[slot.rawValue].operations : 0
    }
}

extension FileIdentity {
    /// A call on it can sleep until somebody else does something.
    fileprivate var canSleepForLong: Bool { type.isSocket || type == .pipe || type == .fifo || type == .tty }
}

extension Words {
    static func time(_ nanoseconds: UInt64) -> String {
        switch nanoseconds {
        case ..<1_000: "\(nanoseconds) ns"
        case ..<1_000_000: "\(ratio(Double(nanoseconds) / 1e3)) µs"
        case ..<1_000_000_000: "\(ratio(Double(nanoseconds) / 1e6)) ms"
        default: "\(ratio(Double(nanoseconds) / 1e9)) s"
        }
    }
}
