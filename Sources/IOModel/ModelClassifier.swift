/// One row of `models`: operations that wait in the same way, with the evidence in words.
public struct ModelRow: Sendable, Equatable {
    /// A wait model's name, or `zero-copy`.
    public var model: String
    public var subModel: String?
    public var operations: UInt64
    public var bytes: UInt64
    /// Of the operations and bytes of all wait models; nil where there are none.
    public var operationShare: Double?
    public var byteShare: Double?
    public var evidence: String
    /// It may put its model among the tags.
    public var decides = true
}

/// From counts to the models of a process, its tags, quadrants and phases. The rules and their limits are in
/// docs/models.md.
public struct ModelClassifier: Sendable {
    public private(set) var rows: [ModelRow] = []
    /// Models with at least a hundredth of the operations or of the bytes.
    public private(set) var tags: [String] = []
    public private(set) var quadrants = Quadrants()
    public private(set) var phases: Phases

    private static let threshold = 0.01
    /// The C library maps its locale data, so mappings below this decide nothing.
    private static let leastMapped: UInt64 = 1 << 20
    /// Fewer than this are no polling.
    private static let leastAgain: UInt64 = 100

    let process: ProcessFigures
    let sums: Sums

    public init(_ process: ProcessFigures) {
        self.process = process
        phases = Phases(process)
        sums = Sums(process)
        rows = waitRows() + zeroCopyRows()
        tags = (WaitModel.allCases.map(\.rawValue) + ["zero-copy"]).filter { model in
            let own = rows.filter { $0.model == model && $0.decides }
            let operations = own.reduce(0) { $0 + ($1.operationShare ?? 0) }
            let bytes = own.reduce(0) { $0 + ($1.byteShare ?? 0) }
            return max(operations, bytes) >= Self.threshold
        }
        quadrants = Quadrants(sums: sums, process: process)
    }

    /// Operations by slot, those of program files apart.
    struct Sums {
        var slots = [ModelFigures](repeating: ModelFigures(), count: ModelSlot.allCases.count)
        /// Regular files that belong to the program: libraries, modules, settings, its own state in /proc.
        var program = ModelFigures()
        /// Nonblocking operations that ended with EAGAIN. An fd counts EAGAIN in one number for all its models, so on an
        /// fd with several this is the most that it can be.
        var again: UInt64 = 0
        var againIsExact = true
        /// Bits of epoll registrations, with the operations on their fds.
        var edge: UInt64 = 0
        var oneshot: UInt64 = 0
        var exclusive: UInt64 = 0

        subscript(slot: ModelSlot) -> ModelFigures {
            get { slots[slot.rawValue] }
            set { slots[slot.rawValue] = newValue }
        }

        init(_ process: ProcessFigures) {
            for file in process.files.values {
                let nonblocking = file.operations(of: .nonblocking)
                again &+= min(file.again, nonblocking)
                let others = ModelSlot.allCases.contains {
                    $0 != .none && $0 != .nonblocking && file.operations(of: $0) > 0
                }
                if nonblocking > 0 && others && file.again > 0 { againIsExact = false }
                for slot in ModelSlot.allCases where slot.rawValue < file.models.count {
                    let figures = file.models[slot.rawValue]
                    if slot == .blocking && file.identity.isPartOfAProgram(pid: process.identity.pid) {
                        program += figures
                        continue
                    }
                    slots[slot.rawValue] += figures
                    if slot == .epoll || slot == .epollBlockingFD {
                        if file.identity.epollEvents & EpollFlags.edge != 0 { edge &+= figures.operations }
                        if file.identity.epollEvents & EpollFlags.oneshot != 0 { oneshot &+= figures.operations }
                        if file.identity.epollEvents & EpollFlags.exclusive != 0 { exclusive &+= figures.operations }
                    }
                }
            }
            let calls = CallBytes(process.calls)
            let between = calls.fromProcesses &+ calls.toProcesses
            if between > 0 {
                let names = ["process_vm_readv", "process_vm_writev"]
                self[.blocking] += ModelFigures(
                    operations: process.successes(of: names), bytes: between)
            }
            // Requests without a file (NOP, TIMEOUT) are operations too.
            let onFiles = self[.uring].operations &+ self[.uringSQPoll].operations
            let others = process.totals.uringOperations.less(onFiles)
            let polls = process.rings.values.contains(where: \.pollsSubmissions)
            self[polls ? .uringSQPoll : .uring].operations &+= others
        }
    }

    private func waitRows() -> [ModelRow] {
        let epollWaits = process.successes(of: WaitCalls.epoll)
        let pollWaits = process.successes(of: WaitCalls.poll)
        let selectWaits = process.successes(of: WaitCalls.select)
        let eventWaits = process.successes(of: ["io_getevents", "io_pgetevents"])
        typealias Draft = (
            model: WaitModel, sub: String?, figures: ModelFigures, waits: UInt64, words: String, decides: Bool
        )
        func both(_ one: ModelSlot, _ other: ModelSlot) -> ModelFigures {
            var sum = sums[one]
            sum += sums[other]
            return sum
        }
        func watched(_ what: String, _ figures: ModelFigures, _ onBlocking: UInt64, _ waits: UInt64, _ call: String)
            -> String
        {
            var words = "\(Words.count(figures.operations)) operations on fds \(what)"
            if onBlocking > 0 { words += ", \(Words.count(onBlocking)) of them on blocking fds" }
            guard !process.calls.isEmpty else { return words }  // one fd alone: waits belong to none
            words += "; \(Words.count(waits)) \(call) calls"
            if figures.operations > 0 {
                words += ", \(Words.ratio(Double(waits) / Double(figures.operations))) for each operation"
            }
            return words
        }
        let epoll = both(.epoll, .epollBlockingFD)
        let poll = both(.poll, .pollBlockingFD)
        let select = both(.select, .selectBlockingFD)
        let signal = both(.signal, .signalBlockingFD)
        let busy = sums.again >= Self.leastAgain && sums.again > sums[.nonblocking].operations / 2
        let drafts: [Draft] = [
            (
                .blocking, nil, sums[.blocking], 0,
                "\(Words.count(sums[.blocking].operations)) operations on fds without O_NONBLOCK that no multiplexer watched",
                true
            ),
            (
                .blocking, "program files", sums.program, 0,
                "\(Words.count(sums.program.operations)) operations on libraries, modules, settings and its own state in /proc; they decide no tag",
                false
            ),
            (
                .nonblocking, busy ? "busy-polling" : nil, sums[.nonblocking], 0,
                """
                \(Words.count(sums[.nonblocking].operations)) operations that could not sleep, on fds that no multiplexer \
                watched; EAGAIN \(sums.againIsExact ? "" : "at most ")\(Words.count(sums.again)) times
                """, true
            ),
            (
                .multiplexed, epollName(epoll.operations), epoll, epollWaits,
                watched("in an epoll set", epoll, sums[.epollBlockingFD].operations, epollWaits, "epoll_wait"), true
            ),
            (
                .multiplexed, "poll", poll, pollWaits,
                watched("that poll had in its set", poll, sums[.pollBlockingFD].operations, pollWaits, "poll"), true
            ),
            (
                .multiplexed, "select", select, selectWaits,
                watched(
                    "that select had found ready", select, sums[.selectBlockingFD].operations, selectWaits, "select"),
                true
            ),
            (
                .async, "signal-driven", signal, 0,
                "\(Words.count(signal.operations)) operations on fds with O_ASYNC: a signal says when", true
            ),
            (
                .async, "io_uring", sums[.uring], 0,
                "\(Words.count(sums[.uring].operations)) requests of io_uring completed", true
            ),
            (
                .async, "io_uring SQPOLL", sums[.uringSQPoll], 0,
                """
                \(Words.count(sums[.uringSQPoll].operations)) requests of io_uring completed, submitted by a kernel thread \
                that polls
                """, true
            ),
            (
                .async, "libaio", sums[.aio], eventWaits,
                "\(Words.count(sums[.aio].operations)) operations of Linux AIO"
                    + (process.calls.isEmpty ? "" : "; \(Words.count(eventWaits)) io_getevents calls"), true
            ),
        ]
        let all = drafts.reduce(into: ModelFigures()) {
            $0 += ModelFigures(operations: $1.figures.operations &+ $1.waits, bytes: $1.figures.bytes)
        }
        return drafts.filter { $0.figures.operations &+ $0.waits > 0 }.map { draft in
            let operations = draft.figures.operations &+ draft.waits
            return ModelRow(
                model: draft.model.rawValue, subModel: draft.sub, operations: operations, bytes: draft.figures.bytes,
                operationShare: Words.share(operations, of: all.operations),
                byteShare: Words.share(draft.figures.bytes, of: all.bytes), evidence: draft.words,
                decides: draft.decides)
        }
    }

    /// epoll, and how the fds are registered, as far as that was seen.
    private func epollName(_ operations: UInt64) -> String {
        guard operations > 0 else { return "epoll" }
        if sums.oneshot > operations / 2 { return "epoll oneshot" }
        if sums.exclusive > operations / 2 { return "epoll exclusive" }
        if sums.edge > operations / 2 { return "epoll edge" }
        return "epoll"
    }

    /// By the copy paths, since a transfer between two fds is one operation and its bytes count once.
    private func zeroCopyRows() -> [ModelRow] {
        let paths = CopyPathFigures.paths(of: process)
        let operations = paths.reduce(0) { $0 &+ ($1.operations ?? 0) }
        return paths.compactMap { path in
            let (sub, words): (String?, String)
            switch path.path {
            case .zeroCopy:
                (sub, words) = (
                    nil, "moved by page reference: sendfile, splice and their like, or a confirmed zero-copy send"
                )
            case .direct: (sub, words) = ("direct", "moved by a device to or from the program's pages")
            case .mapped: (sub, words) = ("mapped", "pages mapped by faults")
            case .copied, .kernelCopied: return nil
            }
            return ModelRow(
                model: "zero-copy", subModel: sub, operations: path.operations ?? 0, bytes: path.bytes,
                operationShare: Words.share(path.operations ?? 0, of: operations), byteShare: path.share,
                evidence: "\(Words.count(path.bytes)) bytes \(words)",
                decides: path.path != .mapped || path.bytes >= Self.leastMapped)
        }
    }
}

/// The four combinations of "is the call's return the final result?" and "does the call return at once?".
public struct Quadrants: Sendable, Equatable {
    public struct Figures: Sendable, Equatable {
        public var operations: UInt64 = 0
        /// Nanoseconds; nil when no call was timed.
        public var time: UInt64?
    }

    public var syncBlocking = Figures()
    public var syncNonblocking = Figures()
    public var asyncBlocking = Figures()
    public var asyncNonblocking = Figures()
    /// The on-CPU parts are the timed calls' mean.
    public var estimated = false

    public init() {}

    init(sums: ModelClassifier.Sums, process: ProcessFigures) {
        for slot in ModelSlot.allCases where slot != .none {
            let operations = sums[slot].operations
            if slot.isSubmitted {
                asyncNonblocking.operations &+= operations
            } else if slot.maySleep {
                syncBlocking.operations &+= operations
            } else {
                syncNonblocking.operations &+= operations
            }
        }
        syncBlocking.operations &+= sums.program.operations
        let sync = syncBlocking.operations &+ syncNonblocking.operations
        let share = sync > 0 ? Double(syncBlocking.operations) / Double(sync) : 1
        for (number, call) in process.calls {
            let kind = SyscallTrait.of(number).kind
            let time = process.time(of: number)
            estimated = estimated || time?.estimated == true
            let asleep = call.blocked &+ call.runQueue
            let onCPU = time.map { $0.nanoseconds.less(asleep) }
            switch kind {
            case .fdWait, .wait, .getEvents:
                asyncBlocking.operations &+= call.count.less(call.errors)
                asyncBlocking.add(time?.nanoseconds, atLeast: asleep)
            case _ where Self.submits.contains(SyscallNames.name(of: number)):
                asyncBlocking.add(asleep, atLeast: asleep)
                asyncNonblocking.add(onCPU, atLeast: 0)
            case _ where kind.isOperation:
                // A call that cannot sleep for data hardly sleeps; its time on a CPU goes by operations.
                syncBlocking.add(onCPU.map { asleep &+ UInt64(Double($0) * share) }, atLeast: asleep)
                syncNonblocking.add(onCPU.map { UInt64(Double($0) * (1 - share)) }, atLeast: 0)
            default: continue
            }
        }
    }

    private static let submits: Set<String> = ["io_uring_enter", "io_submit"]
}

extension Quadrants.Figures {
    /// Where the whole time is not known, the exact part stands.
    fileprivate mutating func add(_ nanoseconds: UInt64?, atLeast known: UInt64) {
        guard let added = nanoseconds ?? (known > 0 ? known : nil) else { return }
        time = (time ?? 0) &+ added
    }
}

/// The two phases of every I/O: waiting until data is there, and moving it.
public struct Phases: Sendable, Equatable {
    /// Blocked and in a run queue inside operations, nanoseconds. Exact.
    public var wait: UInt64 = 0
    /// On a CPU inside operations, nanoseconds; nil when no call was timed.
    public var transfer: UInt64?
    public var estimated = false

    init(_ process: ProcessFigures) {
        for (number, call) in process.calls where SyscallTrait.of(number).kind.isOperation {
            let asleep = call.blocked &+ call.runQueue
            wait &+= asleep
            guard let time = process.time(of: number) else { continue }
            transfer = (transfer ?? 0) &+ time.nanoseconds.less(asleep)
            estimated = estimated || time.estimated
        }
    }
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

/// Bits of epoll_event.events. include/uapi/linux/eventpoll.h
enum EpollFlags {
    static let edge: UInt32 = 1 << 31
    static let oneshot: UInt32 = 1 << 30
    static let exclusive: UInt32 = 1 << 28
}

extension FileIdentity {
    /// A regular file that is code or data of a program: reading it is start-up, not the program's I/O.
    func isPartOfAProgram(pid: UInt32) -> Bool {
        guard type == .regular || type == .directory, let path else { return false }
        let places = [
            "/usr/lib", "/usr/local/lib", "/lib", "/usr/share/locale", "/usr/share/zoneinfo/", "/etc/", "/proc/self/",
            "/proc/\(pid)/", "/proc/sys/", "/sys/",
        ]
        if places.contains(where: { path.hasPrefix($0) }) { return true }
        return [".so", ".py", ".pyc", ".jar", ".class", ".js", ".mjs"].contains { path.hasSuffix($0) }
            || path.contains(".so.") || path.contains("/site-packages/")
    }
}

/// The calls that wait in a multiplexer, by their names.
enum WaitCalls {
    static let epoll = ["epoll_wait", "epoll_pwait", "epoll_pwait2"]
    static let poll = ["poll", "ppoll"]
    static let select = ["select", "pselect6"]
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

/// Numbers in sentences.
enum Words {
    static func count(_ value: UInt64) -> String {
        let digits = Array(String(value))
        return digits.enumerated().map { index, digit in
            index > 0 && (digits.count - index) % 3 == 0 ? ",\(digit)" : "\(digit)"
        }.joined()
    }

    static func ratio(_ value: Double) -> String {
        let hundredths = UInt64(min(value, 1e12) * 100 + 0.5)
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    static func share(_ part: UInt64, of whole: UInt64) -> Double? {
        whole > 0 ? Double(part) / Double(whole) : nil
    }
}
