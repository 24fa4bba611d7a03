/// One reading of the kernel's maps, decoded. Every counter in it has grown since tracing began. A record that is as it was
/// in the reading before may be left out, and so may the counters of a thread, but no thread that lives.
///
/// The order of reading matters: sums (processes, calls, files) first, live threads after them. A counter that moves from a
/// thread to a sum in between is then missed once, never counted twice.
public struct Snapshot: Sendable {
    public struct Process: Sendable, Equatable {
        public var id: UInt64
        public var pid: UInt32
        public var ppid: UInt32
        public var comm: String
        /// nil: it ran before tracing began, or its arguments could not be read.
        public var command: [String]?
        public var commandTruncated: Bool
        public var cgroupID: UInt64
        public var startedInWindow: Bool
        public var exitedNanoseconds: UInt64?
        /// As wait(2) encodes it.
        public var waitStatus: Int32
        public var threadsEnded: UInt32
        /// Of the threads that have ended.
        public var totals: Totals
        /// Of the threads that have ended, and of I/O that completed outside any thread.
        public var ledger = LedgerFigures()

        public init(
            id: UInt64, pid: UInt32, ppid: UInt32 = 0, comm: String = "", command: [String]? = nil,
            commandTruncated: Bool = false, cgroupID: UInt64 = 0, startedInWindow: Bool = false,
            exitedNanoseconds: UInt64? = nil, waitStatus: Int32 = 0, threadsEnded: UInt32 = 0, totals: Totals = Totals()
        ) {
            self.id = id
            self.pid = pid
            self.ppid = ppid
            self.comm = comm
            self.command = command
            self.commandTruncated = commandTruncated
            self.cgroupID = cgroupID
            self.startedInWindow = startedInWindow
            self.exitedNanoseconds = exitedNanoseconds
            self.waitStatus = waitStatus
            self.threadsEnded = threadsEnded
            self.totals = totals
        }
    }

    public struct CallKey: Hashable, Sendable {
        public var processID: UInt64
        public var number: UInt32
        /// 0: of threads that have ended.
        public var tid: UInt32

        public init(processID: UInt64, number: UInt32, tid: UInt32 = 0) {
            self.processID = processID
            self.number = number
            self.tid = tid
        }
    }

    public struct File: Sendable {
        public var id: UInt64
        public var processID: UInt64
        public var figures: FileFigures
        public var closed: Bool
        /// What pairs of fds call it: the same for all openings of a regular file.
        public var pairID: UInt64 = 0
        /// By which a closed record is found when its path is opened again; 0: it is not.
        public var pathNumber: UInt64 = 0

        public init(id: UInt64, processID: UInt64, figures: FileFigures, closed: Bool = false) {
            self.id = id
            self.processID = processID
            self.figures = figures
            self.closed = closed
        }
    }

    public struct Thread: Sendable {
        public struct FDFigures: Sendable {
            public var fileID: UInt64
            public var operations: UInt64
            public var bytesIn: UInt64
            public var bytesOut: UInt64
            public var blocked: UInt64
            public var nonblocking: Bool
            public var inEpoll: Bool
            /// Of `operations`, with the result EAGAIN.
            public var again: UInt64 = 0
            /// What all of it is put down to.
            public var model = ModelSlot.none

            public init(
                fileID: UInt64, operations: UInt64, bytesIn: UInt64, bytesOut: UInt64, blocked: UInt64,
                nonblocking: Bool = false, inEpoll: Bool = false
            ) {
                self.fileID = fileID
                self.operations = operations
                self.bytesIn = bytesIn
                self.bytesOut = bytesOut
                self.blocked = blocked
                self.nonblocking = nonblocking
                self.inEpoll = inEpoll
            }
        }

        /// A call that has not returned. Its sleep is in `totals`, but not yet in the call or the fd.
        public struct OpenCall: Sendable {
            public var number: UInt32
            public var fileID: UInt64?
            public var blocked: UInt64
            public var runQueue: UInt64

            public init(number: UInt32, fileID: UInt64? = nil, blocked: UInt64, runQueue: UInt64 = 0) {
                self.number = number
                self.fileID = fileID
                self.blocked = blocked
                self.runQueue = runQueue
            }
        }

        /// The sleep of a thread that next readings may leave out: all that changes is how long it has been asleep.
        public struct Sleep: Sendable {
            public var cause: BlockingCause
            /// Counts as `Totals.sleepWait`.
            public var isWait: Bool

            public init(cause: BlockingCause, isWait: Bool = false) {
                self.cause = cause
                self.isWait = isWait
            }
        }

        public var processID: UInt64
        public var tid: UInt32
        public var totals: Totals
        /// By system call number, each once; the order stays from one reading to the next.
        public var calls: [(key: UInt32, value: CallFigures)]
        public var fds: [FDFigures]
        public var openCall: OpenCall?
        public var ledger = LedgerFigures()
        /// When its window began (CLOCK_MONOTONIC, nanoseconds).
        public var started: UInt64 = 0
        /// Up to when its times go (CLOCK_MONOTONIC, nanoseconds).
        public var readAt: UInt64 = 0
        public var sleep: Sleep?

        public init(
            processID: UInt64, tid: UInt32, totals: Totals = Totals(), calls: [UInt32: CallFigures] = [:],
            fds: [FDFigures] = [], openCall: OpenCall? = nil
        ) {
            self.processID = processID
            self.tid = tid
            self.totals = totals
            self.calls = Array(calls)
            self.fds = fds
            self.openCall = openCall
        }
    }

    /// What a reading says of a live thread.
    public enum ThreadReading: Sendable {
        case changed(Thread)
        /// It is in the sleep that it was in when its counters were last read. `at`: CLOCK_MONOTONIC, nanoseconds.
        case asleep(tid: UInt32, at: UInt64)
    }

    // Dictionaries of dictionaries are by the process's id first.

    /// CLOCK_MONOTONIC, nanoseconds.
    public var takenAt: UInt64
    public var processes: [Process] = []
    public var calls: [CallKey: CallFigures] = [:]
    public var files: [File] = []
    public var latencies: [CallKey: Latency] = [:]
    /// Empty where live threads are handed over one by one.
    public var threads: [Thread] = []
    public var hidden: [UInt64: [HiddenFigures.Key: HiddenFigures]] = [:]
    public var pairs: [UInt64: [PairFigures.Key: PairFigures]] = [:]
    /// Of threads that have ended.
    public var endedThreads: [UInt64: [ThreadCopies.Key: ThreadCopies]] = [:]
    public var samples: [UInt64: [UInt32: SampleFigures]] = [:]
    public var requests: [UInt64: [RequestFigures.Key: RequestFigures]] = [:]
    public var requestLatencies: [UInt64: [RequestFigures.Key: Latency]] = [:]
    public var rings: [UInt64: [UInt64: UringRing]] = [:]
    public var losses = Losses()

    public init(takenAt: UInt64) { self.takenAt = takenAt }
}
