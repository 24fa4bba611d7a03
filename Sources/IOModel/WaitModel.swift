/// Who tells the program when to call, for each operation: the wait models of docs/models.md.
public enum WaitModel: String, CaseIterable, Sendable {
    /// The call may sleep for data.
    case blocking
    /// The call cannot sleep for data, and nobody says when there is some: the program polls.
    case nonblocking
    /// select, poll or epoll says when.
    case multiplexed
    /// The call submits, and the result comes later; or a signal says when.
    case async
}

/// What the probes put an operation down to: a row of an fd's `models`, in the order of `bpf/include/models.h`.
public enum ModelSlot: Int, CaseIterable, Sendable {
    case blocking
    case nonblocking
    case epoll
    case epollBlockingFD
    case poll
    case pollBlockingFD
    case select
    case selectBlockingFD
    case signal
    case signalBlockingFD
    case uring
    case uringSQPoll
    case aio
    /// Waits, addresses, and what the dynamic loader does.
    case none

    public var model: WaitModel? {
        switch self {
        case .blocking: .blocking
        case .nonblocking: .nonblocking
        case .epoll, .epollBlockingFD, .poll, .pollBlockingFD, .select, .selectBlockingFD: .multiplexed
        case .signal, .signalBlockingFD, .uring, .uringSQPoll, .aio: .async
        case .none: nil
        }
    }

    /// The call may sleep, whoever says when: the fd has no O_NONBLOCK.
    var maySleep: Bool {
        switch self {
        case .blocking, .epollBlockingFD, .pollBlockingFD, .selectBlockingFD, .signalBlockingFD: true
        default: false
        }
    }
}

/// Operations and bytes of one slot.
public struct ModelFigures: Accumulating, Sendable, Equatable {
    public var operations: UInt64
    public var bytes: UInt64

    public init(operations: UInt64 = 0, bytes: UInt64 = 0) {
        self.operations = operations
        self.bytes = bytes
    }

    public static func += (sum: inout ModelFigures, part: ModelFigures) {
        sum.operations &+= part.operations
        sum.bytes &+= part.bytes
    }

    public func since(_ earlier: ModelFigures) -> ModelFigures {
        ModelFigures(operations: operations.since(earlier.operations), bytes: bytes.since(earlier.bytes))
    }

    public var isZero: Bool { operations == 0 && bytes == 0 }
}

/// Completions of io_uring with one opcode.
public struct UringFigures: Accumulating, Sendable, Equatable {
    public var completed: UInt64 = 0
    public var errors: UInt64 = 0
    public var bytes: UInt64 = 0
    /// Waited for readiness.
    public var pollArmed: UInt64 = 0
    /// Handed to a worker thread.
    public var punted: UInt64 = 0
    /// Further completions of the same requests: zero-copy notifications, multishot.
    public var more: UInt64 = 0

    public init() {}

    /// Completed while being submitted.
    public var inline: UInt64 { completed.less(pollArmed &+ punted) }

    /// Every counter, in the order in which the probes and a recording have them; new ones go to the end.
    public static let fields: [any WritableKeyPath<UringFigures, UInt64> & Sendable] = [
        \.completed, \.errors, \.bytes, \.pollArmed, \.punted, \.more,
    ]

    public static func += (sum: inout UringFigures, part: UringFigures) {
        for field in fields { sum[keyPath: field] &+= part[keyPath: field] }
    }

    public func since(_ earlier: UringFigures) -> UringFigures {
        var difference = UringFigures()
        for field in Self.fields { difference[keyPath: field] = self[keyPath: field].since(earlier[keyPath: field]) }
        return difference
    }

    public var isZero: Bool { self == UringFigures() }
}

/// A ring of a process.
public struct UringRing: Sendable, Equatable {
    /// IORING_SETUP_…
    public var setupFlags: UInt32
    /// Completions that found the queue full.
    public var overflows: UInt64

    public init(setupFlags: UInt32, overflows: UInt64 = 0) {
        self.setupFlags = setupFlags
        self.overflows = overflows
    }

    /// IORING_SETUP_SQPOLL: a kernel thread polls the submission queue.
    public var pollsSubmissions: Bool { setupFlags & 2 != 0 }
}
