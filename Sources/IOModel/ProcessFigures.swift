/// Who a process is.
public struct ProcessIdentity: Sendable, Equatable {
    /// Unique for good, unlike the pid.
    public var id: UInt64
    public var pid: UInt32
    public var ppid: UInt32
    public var comm: String
    /// Arguments; nil when they could not be read.
    public var command: [String]?
    public var commandTruncated: Bool
    /// Path of its cgroup (v2) below the mount point; nil when not known.
    public var cgroup: String?
    public var startedInWindow: Bool
    public var exited: Bool
    /// As a shell has it: the exit code, or 128 + the signal that ended it; nil while it runs.
    public var exitStatus: Int?

    public init(
        id: UInt64, pid: UInt32, ppid: UInt32, comm: String, command: [String]? = nil, commandTruncated: Bool = false,
        cgroup: String? = nil, startedInWindow: Bool = false, exited: Bool = false, exitStatus: Int? = nil
    ) {
        self.id = id
        self.pid = pid
        self.ppid = ppid
        self.comm = comm
        self.command = command
        self.commandTruncated = commandTruncated
        self.cgroup = cgroup
        self.startedInWindow = startedInWindow
        self.exited = exited
        self.exitStatus = exitStatus
    }
}

/// Everything that was counted for a process: since tracing began, or in one interval.
public struct ProcessFigures: Sendable, Equatable {
    public var identity: ProcessIdentity
    /// Threads seen in the window; a thread that lives through several intervals is in each of them.
    public var threads: UInt64 = 0
    public var totals = Totals()
    /// By system call number.
    public var calls: [UInt32: CallFigures] = [:]
    /// By system call number; only calls that were timed.
    public var latencies: [UInt32: Latency] = [:]
    /// By the fd's unique id.
    public var files: [UInt64: FileFigures] = [:]

    /// nil when the figures come from a recording that has no ledger.
    public var ledger: LedgerFigures? = LedgerFigures()
    public var hidden: [HiddenFigures.Key: HiddenFigures] = [:]
    public var pairs: [PairFigures.Key: PairFigures] = [:]
    public var threadCopies: [ThreadCopies.Key: ThreadCopies] = [:]
    /// Requests of io_uring and of Linux AIO.
    public var requests: [RequestFigures.Key: RequestFigures] = [:]
    /// From submission to completion, of those that were timed.
    public var requestLatencies: [RequestFigures.Key: Latency] = [:]
    /// By the ring's address in the kernel.
    public var rings: [UInt64: UringRing] = [:]
    /// By system call number, `SampleFigures.noCall` for samples outside any call.
    public var samples: [UInt32: SampleFigures] = [:]

    public init(identity: ProcessIdentity) { self.identity = identity }

    /// Adds the counters of a later interval of the same process.
    public static func += (sum: inout ProcessFigures, part: ProcessFigures) {
        sum.identity = part.identity
        sum.threads = max(sum.threads, part.threads)
        sum.totals += part.totals
        merge(&sum.calls, part.calls)
        merge(&sum.latencies, part.latencies)
        merge(&sum.files, part.files)
        if let added = part.ledger { sum.ledger? += added } else { sum.ledger = nil }
        merge(&sum.hidden, part.hidden)
        merge(&sum.pairs, part.pairs)
        merge(&sum.threadCopies, part.threadCopies)
        merge(&sum.samples, part.samples)
        merge(&sum.requests, part.requests)
        merge(&sum.requestLatencies, part.requestLatencies)
        sum.rings.merge(part.rings) { $1 }
    }

    public func since(_ earlier: ProcessFigures) -> ProcessFigures {
        var difference = ProcessFigures(identity: identity)
        difference.threads = threads
        difference.totals = totals.since(earlier.totals)
        difference.calls = Self.difference(calls, earlier.calls)
        difference.latencies = Self.difference(latencies, earlier.latencies)
        difference.files = Self.difference(files, earlier.files)
        difference.ledger = ledger.flatMap { later in earlier.ledger.map { later.since($0) } }
        difference.hidden = Self.difference(hidden, earlier.hidden)
        difference.pairs = Self.difference(pairs, earlier.pairs)
        difference.threadCopies = Self.difference(threadCopies, earlier.threadCopies)
        difference.samples = Self.difference(samples, earlier.samples)
        difference.requests = Self.difference(requests, earlier.requests)
        difference.requestLatencies = Self.difference(requestLatencies, earlier.requestLatencies)
        difference.rings = rings
        return difference
    }

    private static func merge<Key, Value: Accumulating>(_ sum: inout [Key: Value], _ part: [Key: Value]) {
        guard !sum.isEmpty else { return sum = part }
        for (key, value) in part {
            if sum[key] == nil { sum[key] = value } else { sum[key]! += value }
        }
    }

    private static func difference<Key, Value: Accumulating>(_ later: [Key: Value], _ earlier: [Key: Value]) -> [Key:
        Value]
    {
        var result: [Key: Value] = [:]
        for (key, value) in later {
            if let before = earlier[key] {
                let change = value.since(before)
                if !change.isZero { result[key] = change }
            } else if !value.isZero {
                result[key] = value
            }
        }
        return result
    }

    /// Samples in and outside calls together.
    public var allSamples: SampleFigures { samples.values.reduce(into: SampleFigures()) { $0 += $1 } }

    /// Two per system call and two per page fault from user mode.
    public var modeSwitches: UInt64 { 2 &* (callCount &+ totals.userFaults) }
    public var callCount: UInt64 { calls.values.reduce(0) { $0 &+ $1.count } }
    public var errorCount: UInt64 { calls.values.reduce(0) { $0 &+ $1.errors } }

    /// Time in a call: what it slept and waited for a CPU is exact; its time on a CPU is the timed calls' mean over all its
    /// calls, exact when every call was timed. nil when none was.
    public func time(of number: UInt32) -> (nanoseconds: UInt64, estimated: Bool)? {
        guard let call = calls[number], let latency = latencies[number], latency.calls > 0 else { return nil }
        let mean = Double(latency.onCPU) / Double(latency.calls)
        return (
            call.blocked &+ call.runQueue &+ (UInt64(exactly: (mean * Double(call.count)).rounded()) ?? .max),
            latency.calls < call.count
        )
    }

    /// Puts rows of files together until at most `limit` stand alone: those of the same path first, then the ones with the
    /// least traffic, by type. Sockets come last, since each has a peer of its own and a listener has no traffic.
    /// - Returns: how many fds the rows that were put together stand for.
    public mutating func foldFiles(beyond limit: Int) -> UInt64 {
        if files.count > limit {
            for (id, file) in files where id < Self.firstPathRow && file.identity.path != nil { fold(id, byPath: true) }
        }
        if files.count > limit {
            let order = files.filter { $0.key < Self.firstTypeRow }.sorted {
                ($0.value.identity.type.isSocket ? 1 : 0, $0.value.traffic)
                    < ($1.value.identity.type.isSocket ? 1 : 0, $1.value.traffic)
            }
            for (id, _) in order.prefix(files.count - limit) { fold(id, byPath: false) }
        }
        return files.values.reduce(0) { $0 &+ ($1.opens > 1 ? $1.opens : 0) }
    }

    /// Adds the figures of a file that has been closed to the row of its path, or to that of its type when there are many
    /// paths, and drops its own row.
    public mutating func foldClosedFile(_ id: UInt64, limit: Int) {
        fold(id, byPath: files.count <= 16 * limit)
    }

    // Ids count up from 1, so the upper half is free for rows that stand for many.
    private static let firstPathRow: UInt64 = 1 << 63
    private static let firstTypeRow = UInt64.max - UInt64(FileType.allCases.count)

    private mutating func fold(_ id: UInt64, byPath: Bool) {
        guard var file = files.removeValue(forKey: id) else { return }
        file.settleDevice()
        file.ledger.settleZeroCopySends()
        let type = file.identity.type
        if byPath, let path = file.identity.path, id < Self.firstPathRow {
            let key = Self.firstPathRow | (Self.hash(path) >> 2)
            if files[key] == nil || files[key]!.identity.path == path {
                return add(file, to: key, identity: file.identity)
            }
        }
        var other = FileIdentity(fd: -1, type: type, path: "(other \(type.rawValue))")
        other.zeroCopyOperation = file.identity.zeroCopyOperation
        other.zeroCopyReason = file.identity.zeroCopyReason
        add(file, to: Self.firstTypeRow + UInt64(FileType.allCases.firstIndex(of: type)!), identity: other)
    }

    /// Adds up ended threads, and pairs and hidden copies of closed fds, where there are more than `limit` rows of a kind.
    public mutating func foldCopies(ofThreads threads: Set<ThreadCopies.Key>, files: Set<UInt64>, limit: Int) {
        if threadCopies.count > limit {
            // Those that moved the least, until the rest has room again; the first thread is the largest often enough.
            let order = threads.filter { threadCopies[$0] != nil }.sorted {
                let (one, other) = (threadCopies[$0]!, threadCopies[$1]!)
                return (one.bytesIn &+ one.bytesOut, $0.started) < (other.bytesIn &+ other.bytesOut, $1.started)
            }
            for key in order.prefix(threadCopies.count - limit) {
                threadCopies[.others, default: ThreadCopies()] += threadCopies.removeValue(forKey: key)!
            }
        }
        if pairs.count > limit {
            for (key, figures) in pairs where files.contains(key.source) || files.contains(key.sink) {
                pairs[key] = nil
                pairs[.others, default: PairFigures()] += figures
            }
        }
        if hidden.count > limit {
            for (key, figures) in hidden where files.contains(key.file) {
                hidden[key] = nil
                let key = HiddenFigures.Key(
                    file: HiddenFigures.Key.others, operation: key.operation, code: key.code)
                hidden[key, default: HiddenFigures()] += figures
            }
        }
    }

    /// Adds up the pairs with the fewest bytes beyond `limit`, for a document.
    public mutating func foldPairs(beyond limit: Int) {
        guard pairs.count > limit else { return }
        let order = pairs.sorted { ($0.value.bytes, $0.key.source) < ($1.value.bytes, $1.key.source) }
        for (key, figures) in order.prefix(pairs.count - limit) where key != .others {
            pairs[key] = nil
            pairs[.others, default: PairFigures()] += figures
        }
    }

    private mutating func add(_ file: FileFigures, to key: UInt64, identity: FileIdentity) {
        var row = file
        if let sum = files[key] {
            row += sum
            row.opens = file.opens &+ sum.opens
        }
        row.identity = identity
        files[key] = row
    }

    /// FNV-1a: the same in every run, since a recording's intervals are added up by it.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}

extension FileFigures {
    /// Writes into the ledger what the kind of device says of it, so that the row can be added to others.
    mutating func settleDevice() {
        switch identity.device {
        case .plain: return
        case .null: ledger.outNotCopied = bytesOut
        case .zero: (ledger.inNotCopied, ledger.outNotCopied) = (bytesIn, bytesOut)
        }
        identity.device = .plain
    }

    /// For ranking: bytes first, then operations, then waiting.
    var traffic: UInt64 { bytesIn &+ bytesOut &+ operations &+ blocked / 1000 }
}
