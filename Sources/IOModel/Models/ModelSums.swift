/// What fell under one rule.
public struct RuleFigures: Sendable, Equatable {
    /// Operations but for waits, and their bytes.
    public var operations: UInt64 = 0
    public var bytes: UInt64 = 0
    /// Of the operations: on fds without O_NONBLOCK, so that the call may have slept whoever said when.
    public var mayHaveSlept: UInt64 = 0
    /// Of the operations: on regular files and directories, which seldom make a call sleep.
    public var onRegularFiles: UInt64 = 0
    /// Of the operations: on eventfds, timerfds and signalfds, which wake a program up and are no I/O by themselves.
    public var onSignals: UInt64 = 0
    /// Of the operations: on no fd (process_vm_readv and its twin, requests of io_uring without a file).
    public var withoutFD: UInt64 = 0
    /// Waits that returned without an error. They are operations of their own, without bytes.
    public var waits: UInt64 = 0

    static func += (sum: inout RuleFigures, part: RuleFigures) {
        sum.operations &+= part.operations
        sum.bytes &+= part.bytes
        sum.mayHaveSlept &+= part.mayHaveSlept
        sum.onRegularFiles &+= part.onRegularFiles
        sum.onSignals &+= part.onSignals
        sum.withoutFD &+= part.withoutFD
        sum.waits &+= part.waits
    }
}

/// Operations by the rule that they fall under: of a process, of one fd, or of several processes together.
public struct ModelSums: Sendable, Equatable {
    public private(set) var rules: [ModelRule: RuleFigures] = [:]
    /// Nonblocking operations that ended with EAGAIN. An fd counts EAGAIN in one number for all its models, so on an fd
    /// with several this is the most that it can be.
    public private(set) var again: UInt64 = 0
    public private(set) var againIsExact = true
    /// By the C library's threads for POSIX AIO, and signals that said an fd is ready; 0 where the probes tell of none.
    private(set) var posixAIO: UInt64 = 0
    private(set) var signals: UInt64 = 0
    /// Of the waits: with a timeout of 0, so that they only ask.
    public private(set) var instantWaits: UInt64 = 0
    /// Operations on fds registered with EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE.
    private(set) var edge: UInt64 = 0
    private(set) var oneshot: UInt64 = 0
    private(set) var exclusive: UInt64 = 0

    public subscript(rule: ModelRule) -> RuleFigures { rules[rule] ?? RuleFigures() }

    init() {}

    public init(_ process: ProcessFigures) {
        let context = RuleContext(process)
        for file in process.files.values { add(file, context) }
        addWaits(process)
        (posixAIO, signals) = (process.totals.posixAIOOperations, process.totals.signalsSent)
        let calls = CallBytes(process.calls)
        let between = process.successes(of: ["process_vm_readv", "process_vm_writev"])
        if between > 0 {
            rules[.blocking, default: RuleFigures()] += RuleFigures(
                operations: between, bytes: calls.fromProcesses &+ calls.toProcesses, mayHaveSlept: between,
                withoutFD: between)
        }
        addRequestsWithoutFile(process)
    }

    /// Of one fd of a process. Waits belong to no fd.
    public init(of file: FileFigures, in process: ProcessFigures) { add(file, RuleContext(process)) }

    public static func += (sum: inout ModelSums, part: ModelSums) {
        for (rule, figures) in part.rules { sum.rules[rule, default: RuleFigures()] += figures }
        sum.again &+= part.again
        sum.againIsExact = sum.againIsExact && part.againIsExact
        sum.posixAIO &+= part.posixAIO
        sum.signals &+= part.signals
        sum.instantWaits &+= part.instantWaits
        sum.edge &+= part.edge
        sum.oneshot &+= part.oneshot
        sum.exclusive &+= part.exclusive
    }

    private mutating func add(_ file: FileFigures, _ context: RuleContext) {
        let isRegular = file.identity.type == .regular || file.identity.type == .directory
        let isSignal = [FileType.eventfd, .timerfd, .signalfd].contains(file.identity.type)
        var placed: [ModelRule: UInt64] = [:]
        for slot in ModelSlot.allCases {
            let figures = file.counters[slot]
            guard !figures.isZero, let rule = context.rule(of: slot, on: file.identity) else { continue }
            rules[rule, default: RuleFigures()] += RuleFigures(
                operations: figures.operations, bytes: figures.bytes,
                mayHaveSlept: slot.maySleep ? figures.operations : 0,
                onRegularFiles: isRegular ? figures.operations : 0, onSignals: isSignal ? figures.operations : 0)
            placed[rule, default: 0] &+= figures.operations
        }
        addAgain(of: file, placed)
        guard let onEpoll = placed[.epoll] else { return }
        if file.identity.epollEvents & EpollFlags.edge != 0 { edge &+= onEpoll }
        if file.identity.epollEvents & EpollFlags.oneshot != 0 { oneshot &+= onEpoll }
        if file.identity.epollEvents & EpollFlags.exclusive != 0 { exclusive &+= onEpoll }
    }

    private mutating func addAgain(of file: FileFigures, _ placed: [ModelRule: UInt64]) {
        guard file.again > 0, let nonblocking = placed[.nonblocking], nonblocking > 0 else { return }
        again &+= min(file.again, nonblocking)
        if placed.contains(where: { $0.key != .nonblocking && $0.value > 0 }) { againIsExact = false }
    }

    private mutating func addWaits(_ process: ProcessFigures) {
        for rule in ModelRule.allCases where !rule.waitCalls.isEmpty {
            let waits = process.successes(of: rule.waitCalls).less(process.totals.sleeps(under: rule))
            if waits > 0 { rules[rule, default: RuleFigures()].waits &+= waits }
        }
        instantWaits = min(process.totals.instantWaits, waits)
    }

    /// Waits of all rules.
    var waits: UInt64 { rules.values.reduce(0) { $0 &+ $1.waits } }

    /// Requests that name no fd whose row is here, less those that move nothing and wait for no file.
    private mutating func addRequestsWithoutFile(_ process: ProcessFigures) {
        let onFiles = self[.uring].operations &+ self[.uringSQPoll].operations
        let idle = process.uring.reduce(0) {
            UringOpcode.isIO($1.key) ? $0 : $0 &+ $1.value.figures.completed.less($1.value.figures.errors)
        }
        let others = process.totals.uringOperations.less(onFiles).less(idle)
        guard others > 0 else { return }
        let polls = process.rings.values.contains(where: \.pollsSubmissions)
        rules[polls ? .uringSQPoll : .uring, default: RuleFigures()] += RuleFigures(
            operations: others, withoutFD: others)
    }
}

/// What decides a rule beside the state of the fd: what is known of the process as a whole.
struct RuleContext {
    private let programFiles: ProgramFiles
    /// It waits in epoll at all, be it in a call that has not returned. An epoll set that watches its fds is else another
    /// process's, and tells this one nothing. Requests of io_uring can wait for an epoll fd, too.
    private let waitsInEpoll: Bool

    init(_ process: ProcessFigures) {
        programFiles = ProgramFiles(pid: process.identity.pid, command: process.identity.command)
        waitsInEpoll =
            !process.uring.isEmpty
            || WaitCalls.epoll.contains { SyscallNames.number(of: $0).map { process.calls[$0] != nil } ?? false }
    }

    func rule(of slot: ModelSlot, on file: FileIdentity) -> ModelRule? {
        guard let rule = slot.rule else { return nil }
        if rule == .epoll && !waitsInEpoll { return unwatched(slot.maySleep, file) }
        return rule == .blocking ? unwatched(true, file) : rule
    }

    private func unwatched(_ maySleep: Bool, _ file: FileIdentity) -> ModelRule {
        guard maySleep else { return .nonblocking }
        return programFiles.contain(file) ? .programFiles : .blocking
    }
}

/// Bits of epoll_event.events. include/uapi/linux/eventpoll.h
enum EpollFlags {
    static let edge: UInt32 = 1 << 31
    static let oneshot: UInt32 = 1 << 30
    static let exclusive: UInt32 = 1 << 28
}

/// Opcodes of io_uring by their numbers. include/uapi/linux/io_uring.h
enum UringOpcode {
    /// Timers, cancelling and bookkeeping are no I/O: a program that has a ring for its timeouts does no asynchronous I/O.
    static func isIO(_ opcode: UInt32) -> Bool { !others.contains(Operation.uringName(opcode)) }

    private static let others: Set<String> = [
        "NOP", "TIMEOUT", "TIMEOUT_REMOVE", "LINK_TIMEOUT", "ASYNC_CANCEL", "POLL_REMOVE", "FILES_UPDATE",
        "PROVIDE_BUFFERS", "REMOVE_BUFFERS", "EPOLL_CTL", "MSG_RING", "MADVISE", "FADVISE", "WAITID", "FUTEX_WAIT",
        "FUTEX_WAKE", "FUTEX_WAITV", "FIXED_FD_INSTALL", "NOP128",
    ]
}
