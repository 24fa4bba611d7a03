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
