/// What differs from plain copies between user and kernel, as the probes count it for a thread and for an fd. Bytes, but
/// for the counts of operations. The rules are in docs/copy-ledger.md; `Copies` draws the conclusions.
public struct LedgerFigures: Accumulating, CounterBlock, Sendable, Equatable {
    /// Of the bytes in and out: not copied to or from user memory.
    public var inNotCopied: UInt64 = 0
    public var outNotCopied: UInt64 = 0
    /// Of the bytes in and out: taken from or put into a pipe by the kernel, or only peeked at.
    public var inNotPayload: UInt64 = 0
    public var outNotPayload: UInt64 = 0
    /// Bytes that are the result of no read- or write-type call: transfers between fds, io_uring, Linux AIO.
    public var otherIn: UInt64 = 0
    public var otherOut: UInt64 = 0
    /// Moved by reference or by a device: by the state of what they went through, and by the kernel's own word.
    public var avoided: UInt64 = 0
    public var avoidedObserved: UInt64 = 0
    /// Of both: between a device and the user's pages.
    public var direct: UInt64 = 0
    public var kernelToKernel: UInt64 = 0
    /// Moved inside the kernel in a way that cannot be told.
    public var unknown: UInt64 = 0
    /// Accepted for sending without a copy, what completions said of it, and what a device got that has it copied, or does
    /// not.
    public var zeroCopySent: UInt64 = 0
    public var zeroCopyAvoided: UInt64 = 0
    public var zeroCopyCopied: UInt64 = 0
    public var zeroCopyToCopy: UInt64 = 0
    public var zeroCopyDevice: UInt64 = 0
    /// The kernel's per-task accounting of device reads; what the thread itself gave to the block layer; what it dirtied
    /// or wrote directly, less what was truncated before it was written.
    public var dmaIn: UInt64 = 0
    public var dmaOut: UInt64 = 0
    public var mapped: UInt64 = 0
    public var dirtied: UInt64 = 0
    /// Read- and write-type calls that are in one of the other counts of operations, or in none because nothing was copied.
    public var callsElsewhere: UInt64 = 0
    /// Plain copies that are no such calls.
    public var otherOperations: UInt64 = 0
    public var zeroCopyOperations: UInt64 = 0
    public var directOperations: UInt64 = 0
    public var kernelCopiedOperations: UInt64 = 0
    public var zeroCopySends: UInt64 = 0
    public var zeroCopySendsAvoided: UInt64 = 0
    public var zeroCopySendsCopied: UInt64 = 0

    public init() {}

    /// Every counter, in the order in which the probes and a recording have them; new ones go to the end.
    public static let fields: [any WritableKeyPath<LedgerFigures, UInt64> & Sendable] = [
        \.inNotCopied, \.outNotCopied, \.inNotPayload, \.outNotPayload, \.otherIn, \.otherOut, \.avoided,
        \.avoidedObserved, \.direct, \.kernelToKernel, \.unknown, \.zeroCopySent, \.zeroCopyAvoided, \.zeroCopyCopied,
        \.zeroCopyToCopy, \.zeroCopyDevice, \.dmaIn, \.dmaOut, \.mapped, \.dirtied, \.callsElsewhere,
        \.otherOperations, \.zeroCopyOperations, \.directOperations, \.kernelCopiedOperations, \.zeroCopySends,
        \.zeroCopySendsAvoided, \.zeroCopySendsCopied,
    ]

    /// - Parameter counters: in the order of `fields`; missing ones are zero.
    public init(counters: some Sequence<UInt64>) {
        writeAll { fields in
            for (index, counter) in zip(fields.indices, counters) { fields[index] = counter }
        }
    }

    public static let counterCount = 28
}

/// What one thread moved.
public struct ThreadCopies: Accumulating, Sendable, Equatable {
    public struct Key: Hashable, Sendable {
        /// When its window began (CLOCK_MONOTONIC, nanoseconds): thread ids are reused.
        public var started: UInt64
        public var tid: UInt32

        public init(started: UInt64, tid: UInt32) {
            self.started = started
            self.tid = tid
        }

        /// Threads that have been added up.
        public static let others = Key(started: 0, tid: 0)
    }

    /// Results of read- and write-type calls.
    public var bytesIn: UInt64
    public var bytesOut: UInt64
    /// Results of process_vm_readv and process_vm_writev.
    public var fromProcesses: UInt64
    public var toProcesses: UInt64
    public var ledger: LedgerFigures

    public init(
        bytesIn: UInt64 = 0, bytesOut: UInt64 = 0, fromProcesses: UInt64 = 0, toProcesses: UInt64 = 0,
        ledger: LedgerFigures = LedgerFigures()
    ) {
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
        self.fromProcesses = fromProcesses
        self.toProcesses = toProcesses
        self.ledger = ledger
    }

    /// Of a thread that lives.
    public init(calls: [(key: UInt32, value: CallFigures)], ledger: LedgerFigures) {
        let bytes = CallBytes(calls.lazy.filter { $0.value.bytes != 0 })
        self.init(
            bytesIn: bytes.bytesIn, bytesOut: bytes.bytesOut, fromProcesses: bytes.fromProcesses,
            toProcesses: bytes.toProcesses, ledger: ledger)
    }

    /// Adds bytes of calls; below zero, they are taken off.
    public mutating func add(_ bytes: UInt64, ofCall number: UInt32) {
        switch SyscallTrait.of(number).kind {
        case .read, .recvmmsg: bytesIn &+= bytes
        case .write, .sendmmsg: bytesOut &+= bytes
        case .vmRead: fromProcesses &+= bytes
        case .vmWrite: toProcesses &+= bytes
        default: break
        }
    }

    public static func += (sum: inout ThreadCopies, part: ThreadCopies) {
        sum.bytesIn &+= part.bytesIn
        sum.bytesOut &+= part.bytesOut
        sum.fromProcesses &+= part.fromProcesses
        sum.toProcesses &+= part.toProcesses
        sum.ledger += part.ledger
    }

    public func since(_ earlier: ThreadCopies) -> ThreadCopies {
        ThreadCopies(
            bytesIn: bytesIn.since(earlier.bytesIn), bytesOut: bytesOut.since(earlier.bytesOut),
            fromProcesses: fromProcesses.since(earlier.fromProcesses),
            toProcesses: toProcesses.since(earlier.toProcesses),
            ledger: ledger.since(earlier.ledger))
    }

    public var isZero: Bool { bytesIn | bytesOut | fromProcesses | toProcesses == 0 && ledger.isZero }
    /// Without payload there is nothing to show, whatever the devices did.
    public var movedNothing: Bool {
        bytesIn | bytesOut | fromProcesses | toProcesses | ledger.otherIn | ledger.otherOut == 0
    }
}
