/// Requests that are submitted now and complete later, by queue and operation: what io_uring's tracepoints and the arrays of
/// io_submit and io_getevents tell (io_uring/io_uring.c, fs/aio.c).
public struct RequestFigures: Accumulating, CounterBlock, Sendable, Equatable {
    /// Which requests: a queue of one process, and an opcode or command.
    public struct Key: Hashable, Sendable, Comparable {
        /// The ring's address in the kernel, or the AIO context's id; 0: rows for which there was no room.
        public var queue: UInt64
        /// An io_uring opcode or a Linux AIO command.
        public var operation: Operation

        public init(queue: UInt64, operation: Operation) {
            self.queue = queue
            self.operation = operation
        }

        public static func < (one: Key, other: Key) -> Bool {
            (one.queue, one.operation.code) < (other.queue, other.operation.code)
        }
    }

    /// A request from before the trace is among the completed ones only.
    public var submitted: UInt64 = 0
    public var completed: UInt64 = 0
    /// Results below zero.
    public var errors: UInt64 = 0
    public var bytes: UInt64 = 0
    /// Waited for readiness.
    public var pollArmed: UInt64 = 0
    /// Handed to a worker thread.
    public var punted: UInt64 = 0
    /// The next request of the ring waits for it.
    public var linked: UInt64 = 0
    /// Of the errors: ECANCELED.
    public var cancelled: UInt64 = 0
    /// What became of zero-copy sends, told by a completion of its own.
    public var notifications: UInt64 = 0
    /// Results of requests that go on.
    public var multishot: UInt64 = 0

    public init() {}

    /// Completed while being submitted, or without anybody's help.
    public var inline: UInt64 { completed.less(pollArmed &+ punted) }

    /// Every counter, in the order in which the probes and a recording have them; new ones go to the end.
    public static let fields: [any WritableKeyPath<RequestFigures, UInt64> & Sendable] = [
        \.submitted, \.completed, \.errors, \.bytes, \.pollArmed, \.punted, \.linked, \.cancelled, \.notifications,
        \.multishot,
    ]

    public static let counterCount = 10
}

/// A ring of a process.
public struct UringRing: Sendable, Equatable {
    /// IORING_SETUP_…
    public var setupFlags: UInt32
    /// nil: not known, or the ring has none.
    public var fd: Int32?
    /// Completions that found the queue full.
    public var overflows: UInt64

    public init(setupFlags: UInt32, fd: Int32? = nil, overflows: UInt64 = 0) {
        self.setupFlags = setupFlags
        self.fd = fd
        self.overflows = overflows
    }

    /// IORING_SETUP_SQPOLL: a kernel thread polls the submission queue.
    public var pollsSubmissions: Bool { setupFlags & 2 != 0 }
}

/// Requests of one opcode or command, or of a whole queue, with their latency from submission to completion.
public struct RequestSum: Sendable {
    public var figures = RequestFigures()
    /// Of the timed ones; its `onCPU` means nothing here.
    public var latency = Latency()
}

extension ProcessFigures {
    /// Requests of io_uring by opcode.
    public var uring: [UInt32: RequestSum] { requests(flag: Operation.uringFlag, queue: nil) }

    /// Linux AIO by command; latencies are from the return of io_submit to that of io_getevents.
    public var aio: [UInt32: RequestSum] { requests(flag: Operation.aioFlag, queue: nil) }

    /// Requests of one ring by opcode.
    public func uring(ofRing ring: UInt64) -> [UInt32: RequestSum] {
        requests(flag: Operation.uringFlag, queue: ring)
    }

    /// AIO contexts with requests.
    public var aioContexts: Set<UInt64> {
        Set(requests.keys.filter { $0.operation.code & Operation.aioFlag != 0 }.map(\.queue))
    }

    private func requests(flag: UInt32, queue: UInt64?) -> [UInt32: RequestSum] {
        var sums: [UInt32: RequestSum] = [:]
        for (key, figures) in requests where key.operation.code & flag != 0 && (queue ?? key.queue) == key.queue {
            sums[key.operation.code & ~flag, default: RequestSum()].figures += figures
        }
        for (key, latency) in requestLatencies
        where key.operation.code & flag != 0 && (queue ?? key.queue) == key.queue {
            sums[key.operation.code & ~flag, default: RequestSum()].latency += latency
        }
        return sums
    }
}
