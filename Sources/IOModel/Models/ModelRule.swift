/// The rules that an operation, or payload, can fall under. Each has a page in docs/models with its source and its limits.
public enum ModelRule: String, CaseIterable, Sendable {
    case blocking
    case programFiles = "program files"
    case nonblocking
    case epoll
    case poll
    case select
    case signal = "signal-driven"
    case uring = "io_uring"
    case uringSQPoll = "io_uring SQPOLL"
    case libaio
    case zeroCopy = "zero-copy"
    case direct
    case mapped

    /// nil for the copy paths, which are beside the wait models.
    public var waitModel: WaitModel? {
        switch self {
        case .blocking, .programFiles: .blocking
        case .nonblocking: .nonblocking
        case .epoll, .poll, .select: .multiplexed
        case .signal, .uring, .uringSQPoll, .libaio: .async
        case .zeroCopy, .direct, .mapped: nil
        }
    }

    /// A wait model's name, or `zero-copy`.
    public var model: String { waitModel?.rawValue ?? ModelRule.zeroCopy.rawValue }

    /// The result of the call is not that of the operation.
    var isSubmitted: Bool { self == .uring || self == .uringSQPoll || self == .libaio }

    /// What holds for everything that falls under it.
    public var statement: String {
        switch self {
        case .blocking: "the fd had no O_NONBLOCK, the call asked for no immediate return, and nobody watched the fd"
        case .programFiles:
            "a blocking call on the program's own code, settings or state: start-up, which decides no tag"
        case .nonblocking: "O_NONBLOCK, or a flag of the call, kept it from sleeping, and nobody watched the fd"
        case .epoll: "an epoll set watched the open file (file->f_ep), and the process waits in epoll"
        case .poll: "poll or ppoll of some thread of the process had the fd in its set"
        case .select: "select or pselect6 of some thread of the process had found the fd ready"
        case .signal: "O_ASYNC was set on the fd: a signal says when"
        case .uring: "a request of an io_uring completed"
        case .uringSQPoll: "a request of an io_uring completed, which a kernel thread had taken from the queue"
        case .libaio: "io_getevents reported an iocb, or direct I/O of one completed"
        case .zeroCopy: "payload moved by page reference, or a completion confirmed a zero-copy send"
        case .direct: "a device moved the payload to or from the program's pages"
        case .mapped: "page faults brought pages of a file mapping"
        }
    }

    /// Its page in the documentation.
    public var page: String {
        switch self {
        case .programFiles: "docs/models/program-files.md"
        case .signal: "docs/models/signal-driven.md"
        case .uring, .uringSQPoll: "docs/models/io-uring.md"
        case .zeroCopy, .direct, .mapped: "docs/models/zero-copy.md"
        default: "docs/models/\(rawValue).md"
        }
    }

    /// The calls that wait for what falls under it, by their names.
    var waitCalls: [String] {
        switch self {
        case .epoll: WaitCalls.epoll
        case .poll: WaitCalls.poll
        case .select: WaitCalls.select
        case .libaio: WaitCalls.libaio
        default: []
        }
    }
}

extension ModelSlot {
    /// The rule of what the probes put into this row, before what is known of the process as a whole.
    var rule: ModelRule? {
        switch self {
        case .blocking: .blocking
        case .nonblocking: .nonblocking
        case .epoll, .epollBlockingFD: .epoll
        case .poll, .pollBlockingFD: .poll
        case .select, .selectBlockingFD: .select
        case .signal, .signalBlockingFD: .signal
        case .uring: .uring
        case .uringSQPoll: .uringSQPoll
        case .aio: .libaio
        case .none: nil
        }
    }
}
