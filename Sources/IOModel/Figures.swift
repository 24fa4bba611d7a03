/// A set of counters that only grow. Windows are differences of two readings, totals are sums of windows.
public protocol Accumulating {
    static func += (sum: inout Self, part: Self)
    /// What was added since `earlier`. A reading may briefly miss counters that the kernel is moving from a thread to its
    /// process; they show up in the next one, so a difference below zero is zero.
    func since(_ earlier: Self) -> Self
    var isZero: Bool { get }
}

extension UInt64 {
    @inlinable
    func since(_ earlier: UInt64) -> UInt64 { self > earlier ? self - earlier : 0 }
}

/// Times (nanoseconds) and counts of a thread or of all threads of a process.
public struct Totals: Accumulating, CounterBlock, Sendable, Equatable {
    /// Wall time of each thread inside the window, added up.
    public var observed: UInt64 = 0
    /// The scheduler's own `sum_exec_runtime`.
    public var onCPU: UInt64 = 0
    public var blocked: UInt64 = 0
    public var runQueue: UInt64 = 0
    /// The kernel's `nvcsw` and `nivcsw`.
    public var voluntary: UInt64 = 0
    public var involuntary: UInt64 = 0
    /// Page faults taken from user mode.
    public var userFaults: UInt64 = 0
    public var startupOperations: UInt64 = 0
    public var startupBytesIn: UInt64 = 0
    public var startupBytesOut: UInt64 = 0
    /// SQEs, and requests of io_uring that completed without an error.
    public var uringSubmitted: UInt64 = 0
    public var uringOperations: UInt64 = 0
    /// Reads, writes and syncs of the C library's threads for POSIX AIO, as far as they could be told.
    public var posixAIOOperations: UInt64 = 0
    /// Signals that say an fd is ready (O_ASYNC); of these, merged with one that was pending, and taken by a handler.
    public var signalsSent: UInt64 = 0
    public var signalsMerged: UInt64 = 0
    public var signalsHandled: UInt64 = 0
    /// Timed calls on fds that ended with EAGAIN, and their time on a CPU.
    public var againTimed: UInt64 = 0
    public var againOnCPU: UInt64 = 0
    /// Waits of epoll, poll and select that ended with ready fds; of these, followed by no successful call on any fd.
    public var wakeups: UInt64 = 0
    public var idleWakeups: UInt64 = 0
    /// Calls that slept in a thread that runs an event loop, and how long: fsync and its kin …
    public var loopSyncCalls: UInt64 = 0
    public var loopSync: UInt64 = 0
    /// … reads and writes of regular files and block devices …
    public var loopFileCalls: UInt64 = 0
    public var loopFile: UInt64 = 0
    /// … and calls on blocking fds that nobody watches.
    public var loopBlockingCalls: UInt64 = 0
    public var loopBlocking: UInt64 = 0
    /// Sizes of the sets of poll, and first arguments of select, added up over their calls.
    public var pollFDs: UInt64 = 0
    public var selectFDs: UInt64 = 0
    /// Of `onCPU`: io_uring's worker threads, and its threads that poll submission queues.
    public var workerOnCPU: UInt64 = 0
    public var submissionPollOnCPU: UInt64 = 0
    /// Successful waits that are none: poll and select without fds, which are used to sleep …
    public var pollSleeps: UInt64 = 0
    public var selectSleeps: UInt64 = 0
    /// … with the time that such calls, failed ones too, were asleep and in a run queue; and waits with a timeout of 0.
    public var sleepWait: UInt64 = 0
    public var instantWaits: UInt64 = 0
    /// By `BlockingCause.rawValue`. Not an array: a reading has them for each thread, and would allocate as many.
    private var blockedByCause: Causes = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    private typealias Causes = (
        UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64
    )

    public init() {}

    /// Indexed by `BlockingCause.rawValue`; sums to `blocked`.
    public var causes: [UInt64] {
        get { readAll { Array($0[Self.counterCount...]) } }
        set { writeAll { all in for index in 0..<Self.listCount { all[Self.counterCount + index] = newValue[index] } } }
    }

    public subscript(cause: BlockingCause) -> UInt64 {
        get { readAll { $0[Self.counterCount + cause.rawValue] } }
        set { writeAll { $0[Self.counterCount + cause.rawValue] = newValue } }
    }

    /// `observed − on_cpu − blocked − runqueue`: time that the kernel charged to no thread (interrupts, a hypervisor's steal)
    /// when positive, clock and sampling error when negative.
    public var residual: Int64 {
        Int64(bitPattern: observed &- onCPU &- blocked &- runQueue)
    }

    /// Every counter, in the order in which a recording has them; new ones go to the end.
    public static let fields: [any WritableKeyPath<Totals, UInt64> & Sendable] = [
        \.observed, \.onCPU, \.blocked, \.runQueue, \.voluntary, \.involuntary, \.userFaults, \.startupOperations,
        \.startupBytesIn, \.startupBytesOut, \.uringSubmitted, \.uringOperations,
        \.posixAIOOperations, \.signalsSent, \.signalsMerged, \.signalsHandled, \.againTimed, \.againOnCPU, \.wakeups,
        \.idleWakeups, \.loopSyncCalls, \.loopSync, \.loopFileCalls, \.loopFile, \.loopBlockingCalls, \.loopBlocking,
        \.pollFDs, \.selectFDs, \.workerOnCPU, \.submissionPollOnCPU, \.pollSleeps, \.selectSleeps, \.sleepWait,
        \.instantWaits,
    ]

    public static let counterCount = 34
    /// The causes.
    public static let listCount = 13

    public static func == (one: Totals, other: Totals) -> Bool {
        one.readAll { one in other.readAll { one.elementsEqual($0) } }
    }
}

/// One system call of a process.
public struct CallFigures: Accumulating, CounterBlock, Sendable, Equatable {
    public var count: UInt64
    /// Results from −4095 to −1.
    public var errors: UInt64
    public var bytes: UInt64
    /// Calls that slept.
    public var sleeps: UInt64
    public var blocked: UInt64
    public var runQueue: UInt64

    public init(
        count: UInt64 = 0, errors: UInt64 = 0, bytes: UInt64 = 0, sleeps: UInt64 = 0, blocked: UInt64 = 0,
        runQueue: UInt64 = 0
    ) {
        self.count = count
        self.errors = errors
        self.bytes = bytes
        self.sleeps = sleeps
        self.blocked = blocked
        self.runQueue = runQueue
    }

    /// Every counter, in the order in which a recording has them; new ones go to the end.
    public static let fields: [any WritableKeyPath<CallFigures, UInt64> & Sendable] = [
        \.count, \.errors, \.bytes, \.sleeps, \.blocked, \.runQueue,
    ]

    public static let counterCount = 6
}

/// Bytes and sleeps of one open fd.
public struct FileFigures: Accumulating, Sendable, Equatable {
    public var identity: FileIdentity
    /// Opens that this row stands for: 1, or more when those of a path have been put together.
    public var opens: UInt64
    public var counters: FileCounters

    public var operations: UInt64 {
        get { counters.operations }
        set { counters.operations = newValue }
    }
    public var bytesIn: UInt64 {
        get { counters.bytesIn }
        set { counters.bytesIn = newValue }
    }
    public var bytesOut: UInt64 {
        get { counters.bytesOut }
        set { counters.bytesOut = newValue }
    }
    public var blocked: UInt64 {
        get { counters.blocked }
        set { counters.blocked = newValue }
    }
    public var again: UInt64 {
        get { counters.again }
        set { counters.again = newValue }
    }
    public var ledger: LedgerFigures {
        get { counters.ledger }
        set { counters.ledger = newValue }
    }
    public var models: [ModelFigures] {
        get { counters.models }
        set { counters.models = newValue }
    }

    public init(
        identity: FileIdentity, operations: UInt64 = 0, bytesIn: UInt64 = 0, bytesOut: UInt64 = 0, blocked: UInt64 = 0,
        opens: UInt64 = 1, ledger: LedgerFigures = LedgerFigures()
    ) {
        self.init(identity: identity, opens: opens, counters: FileCounters())
        counters.operations = operations
        counters.bytesIn = bytesIn
        counters.bytesOut = bytesOut
        counters.blocked = blocked
        counters.ledger = ledger
    }

    public init(identity: FileIdentity, opens: UInt64, counters: FileCounters) {
        self.identity = identity
        self.opens = opens
        self.counters = counters
    }

    /// The identity of the later reading stays: flags and addresses change. So does its number of opens, which is since
    /// tracing began.
    public static func += (sum: inout FileFigures, part: FileFigures) {
        sum.counters += part.counters
        sum.identity = part.identity
        sum.opens = part.opens
    }

    public func since(_ earlier: FileFigures) -> FileFigures {
        FileFigures(identity: identity, opens: opens, counters: counters.since(earlier.counters))
    }

    public var isZero: Bool { counters.isZero }
}

/// What the probes could not record; field names are the keys of `losses`.
public struct Losses: Accumulating, Sendable, Equatable {
    public var threadStorageFailed: UInt64 = 0
    public var processMapFull: UInt64 = 0
    public var callMapFull: UInt64 = 0
    public var fileMapFull: UInt64 = 0
    public var latencyMapFull: UInt64 = 0
    /// Hidden copies, pairs of fds, samples and ended threads without a row of their own.
    public var ledgerMapFull: UInt64 = 0
    /// Write faults whose mapping could not be looked up: pages copied on write are missing.
    public var mappingBusy: UInt64 = 0
    /// Completions of io_uring that name no known request: their bytes, if any, are missing.
    public var uringUnnamed: UInt64 = 0
    /// Runs that the kernel skipped because the same probe was running on that CPU, of probes that count.
    public var probeSkipped: UInt64 = 0
    public var userReadFailed: UInt64 = 0
    /// Nothing is sent through a ring today, so nothing can be dropped there; the key is part of the contract.
    public var ringDropped: UInt64 = 0

    public init() {}

    /// Every counter, in the order in which a recording has them; new ones go to the end.
    public static let fields: [any WritableKeyPath<Losses, UInt64> & Sendable] = [
        \.threadStorageFailed, \.processMapFull, \.callMapFull, \.fileMapFull, \.latencyMapFull, \.userReadFailed,
        \.ringDropped, \.ledgerMapFull, \.mappingBusy, \.uringUnnamed, \.probeSkipped,
    ]

    public static func += (sum: inout Losses, part: Losses) {
        for field in fields { sum[keyPath: field] &+= part[keyPath: field] }
    }

    public func since(_ earlier: Losses) -> Losses {
        var difference = Losses()
        for field in Self.fields { difference[keyPath: field] = self[keyPath: field].since(earlier[keyPath: field]) }
        return difference
    }

    public var isZero: Bool { self == Losses() }

    /// Every counter together.
    public var sum: UInt64 { Self.fields.reduce(0) { $0 &+ self[keyPath: $1] } }
}
