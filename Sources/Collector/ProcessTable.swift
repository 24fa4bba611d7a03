public import IOModel

/// Puts snapshots together: one row per process that was ever seen, its figures since tracing began, and what each snapshot
/// added to them.
///
/// Kernel records of ended processes and closed fds are handed back as soon as nothing can add to them any more, so the
/// kernel's maps stay small however long the trace.
public struct ProcessTable {
    /// What a snapshot brought.
    public struct Change {
        /// Processes with activity or a changed identity, with the figures of this interval.
        public var interval: [ProcessFigures] = []
        /// Kernel records that are no longer needed.
        public var endedProcesses: Set<UInt64> = []
        public var closedFiles: [UInt64] = []
        /// Closed files that are not to be opened again, since they have not been for a while: they are no longer needed next.
        public var unusedFiles: Set<UInt64> = []
        /// Calls in progress when the snapshot was taken.
        public var callsInProgress: UInt64 = 0
    }

    /// Rows of files kept apart for a process; beyond it, closed ones are added up by path and type.
    public static let fileLimit = 4096

    /// Rows of threads, of pairs of fds and of hidden copies kept apart for a process.
    public static let copyRowLimit = 1024

    /// An exited process is kept this long, since a sibling thread may still be adding its counters. Nanoseconds.
    private static let exitGrace: UInt64 = 100_000_000

    private var rows: [UInt64: ProcessFigures] = [:]
    private var order: [UInt64] = []
    private var names: any ProcessNaming
    /// Files that were closed, and in no thread's cache, when the last snapshot was taken, with the number of their opens, and
    /// whether they might have been opened again.
    private var closed: [UInt64: (opens: UInt64, waits: Bool)] = [:]

    private let accountsCopies: Bool
    private let keepsEnded: Bool

    /// - Parameters:
    ///   - accountsCopies: whether the snapshots have a ledger.
    ///   - keepsEnded: whether `processes` has those that have ended, too. Who only wants what each snapshot added does not grow
    ///     with every process that ever ended.
    public init(names: any ProcessNaming, accountsCopies: Bool = true, keepsEnded: Bool = true) {
        self.names = names
        self.accountsCopies = accountsCopies
        self.keepsEnded = keepsEnded
    }

    /// All processes in the order in which they were seen, with their figures since tracing began.
    public var processes: [ProcessFigures] { order.compactMap { rows[$0] } }

    /// Takes over a snapshot whose live threads are in it.
    public mutating func absorb(_ snapshot: Snapshot) -> Change {
        absorb(snapshot) { body in snapshot.threads.forEach(body) }
    }

    /// - Parameter threads: calls its argument with each live thread, after everything in the snapshot has been read.
    public mutating func absorb<Failure: Error>(
        _ snapshot: Snapshot, threads: ((Snapshot.Thread) -> Void) throws(Failure) -> Void
    ) throws(Failure) -> Change {
        var change = Change()
        names.startSnapshot()
        var readings = readings(in: snapshot)
        let closed = Set(snapshot.files.lazy.filter(\.closed).map(\.id))
        var held: Set<UInt64> = []
        try threads { thread in
            readings[thread.processID]?.add(thread)
            if thread.openCall != nil { change.callsInProgress += 1 }
            if !closed.isEmpty { for fd in thread.fds where closed.contains(fd.fileID) { held.insert(fd.fileID) } }
        }
        for (id, figures) in readings {
            guard var row = rows[id] else {
                order.append(id)
                var first = ProcessFigures(identity: figures.identity)
                first += figures
                rows[id] = first.withoutIdleFiles()
                change.interval.append(rows[id]!)
                continue
            }
            let added = figures.since(row)
            let identityChanged = row.identity != figures.identity
            row += added
            for (file, latest) in figures.files where row.files[file] != nil {
                row.files[file]!.identity = latest.identity
                row.files[file]!.opens = latest.opens
            }
            rows[id] = row
            if identityChanged || !added.isIdle { change.interval.append(added) }
        }
        release(in: snapshot, held: held, &change)
        return change
    }

    /// The snapshot's counters by process.
    private mutating func readings(in snapshot: Snapshot) -> [UInt64: ProcessFigures] {
        var readings: [UInt64: ProcessFigures] = [:]
        for process in snapshot.processes {
            var figures = ProcessFigures(identity: identity(of: process))
            figures.totals = process.totals
            figures.threads = UInt64(process.threadsEnded)
            figures.ledger = accountsCopies ? process.ledger : nil
            figures.hidden = snapshot.hidden[process.id] ?? [:]
            figures.pairs = snapshot.pairs[process.id] ?? [:]
            figures.threadCopies = snapshot.endedThreads[process.id] ?? [:]
            figures.samples = snapshot.samples[process.id] ?? [:]
            figures.requests = snapshot.requests[process.id] ?? [:]
            figures.requestLatencies = snapshot.requestLatencies[process.id] ?? [:]
            figures.rings = snapshot.rings[process.id] ?? [:]
            readings[process.id] = figures
        }
        for (key, call) in snapshot.calls {
            readings[key.processID]?.calls[key.number, default: CallFigures()] += call
        }
        for (key, latency) in snapshot.latencies { readings[key.processID]?.latencies[key.number] = latency }
        for file in snapshot.files { readings[file.processID]?.files[file.id] = file.figures }
        return readings
    }

    private mutating func identity(of process: Snapshot.Process) -> ProcessIdentity {
        let known = rows[process.id]?.identity
        let status = process.waitStatus
        return ProcessIdentity(
            id: process.id, pid: process.pid, ppid: process.ppid, comm: process.comm,
            command: process.command ?? known?.command ?? names.command(ofProcess: process.pid),
            commandTruncated: process.commandTruncated,
            cgroup: known?.cgroup ?? names.cgroup(id: process.cgroupID), startedInWindow: process.startedInWindow,
            exited: process.exitedNanoseconds != nil,
            exitStatus: process.exitedNanoseconds == nil
                ? nil : status & 0x7f != 0 ? 128 + Int(status & 0x7f) : Int(status >> 8) & 0xff)
    }

    /// - Parameter held: closed files that are in some thread's cache.
    private mutating func release(in snapshot: Snapshot, held: Set<UInt64>, _ change: inout Change) {
        for process in snapshot.processes {
            if let ended = process.exitedNanoseconds, ended + Self.exitGrace < snapshot.takenAt {
                change.endedProcesses.insert(process.id)
            }
        }
        var nowClosed: [UInt64: (opens: UInt64, waits: Bool)] = [:]
        for file in snapshot.files {
            let last = closed[file.id].flatMap { $0.opens == file.figures.opens ? $0 : nil }
            let isClosed = file.closed && !held.contains(file.id)
            // What a thread added between the reading of this record and of the threads is in the next reading.
            if change.endedProcesses.contains(file.processID) || (isClosed && last?.waits == false) {
                change.closedFiles.append(file.id)
                boundFiles(of: file.processID, closing: file.id)
            } else if isClosed {
                let waits = file.pathNumber != 0 && last == nil
                if file.pathNumber != 0 && !waits { change.unusedFiles.insert(file.id) }
                nowClosed[file.id] = (file.figures.opens, waits)
            }
        }
        closed = nowClosed
        let gone = Set(change.closedFiles)
        for (id, row) in rows
        where max(row.pairs.count, row.hidden.count, row.threadCopies.count) > Self.copyRowLimit {
            rows[id]!.foldCopies(
                ofThreads: Set(snapshot.endedThreads[id].map { Array($0.keys) } ?? []), files: gone,
                limit: Self.copyRowLimit)
        }
        if !keepsEnded { drop(change.endedProcesses) }
    }

    /// Their kernel records are handed back with this snapshot, so no later one can bring them again.
    private mutating func drop(_ ended: Set<UInt64>) {
        guard !ended.isEmpty else { return }
        for id in ended { rows[id] = nil }
        order.removeAll(where: ended.contains)
    }

    /// Adds a closed file to a row for many when the process has too many.
    private mutating func boundFiles(of process: UInt64, closing file: UInt64) {
        guard let count = rows[process]?.files.count, count > Self.fileLimit else { return }
        rows[process]!.foldClosedFile(file, limit: Self.fileLimit)
    }
}

extension ProcessFigures {
    /// No counter at all.
    var isIdle: Bool {
        totals.isZero && calls.isEmpty && latencies.isEmpty && files.isEmpty && ledger?.isZero != false
            && hidden.isEmpty
            && pairs.isEmpty && threadCopies.isEmpty && samples.isEmpty && requests.isEmpty
    }

    func withoutIdleFiles() -> ProcessFigures {
        var figures = self
        figures.files = files.filter { !$0.value.isZero }
        return figures
    }

    mutating func add(_ thread: Snapshot.Thread) {
        threads += 1
        totals += thread.totals
        ledger? += thread.ledger
        let copies = ThreadCopies(calls: thread.calls, ledger: thread.ledger)
        if ledger != nil, !copies.movedNothing {
            threadCopies[.init(started: thread.started, tid: thread.tid)] = copies
        }
        for (number, call) in thread.calls { calls[number, default: CallFigures()] += call }
        for fd in thread.fds {
            files[fd.fileID]?.operations &+= fd.operations
            files[fd.fileID]?.bytesIn &+= fd.bytesIn
            files[fd.fileID]?.bytesOut &+= fd.bytesOut
            files[fd.fileID]?.blocked &+= fd.blocked
            files[fd.fileID]?.again &+= fd.again
            files[fd.fileID]?.models[fd.model.rawValue] += ModelFigures(
                operations: fd.operations, bytes: fd.bytesIn &+ fd.bytesOut)
            files[fd.fileID]?.identity.nonblocking = fd.nonblocking
            files[fd.fileID]?.identity.inEpoll = fd.inEpoll
        }
        if let open = thread.openCall {
            calls[open.number, default: CallFigures()].blocked &+= open.blocked
            calls[open.number, default: CallFigures()].runQueue &+= open.runQueue
            if let file = open.fileID { files[file]?.blocked &+= open.blocked }
        }
    }
}
