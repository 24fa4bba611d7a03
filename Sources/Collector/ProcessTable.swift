public import IOModel

/// Puts snapshots together: one row per process that was ever seen, its figures since tracing began, and what each snapshot
/// added to them. It keeps each record and thread as last read, so that what is as it was costs nothing.
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

    private var rows: [UInt64: ProcessRow] = [:]
    private var order: [UInt64] = []
    private var threads: [UInt32: LiveThread] = [:]
    private var names: any ProcessNaming
    /// Counts the snapshots.
    private var reading: UInt64 = 0
    /// What the snapshot that is being absorbed says something of.
    private var touched: [ProcessRow] = []
    /// Rows whose process has not been read yet.
    private var strays: Set<UInt64> = []
    /// Processes that have exited, and files that were closed, with records in the kernel.
    private var exited: Set<UInt64> = []
    private var closed: [UInt64: ClosedFile] = [:]

    private struct ClosedFile {
        let process: ProcessRow
        let opens: UInt64
        let mayBeOpenedAgain: Bool
        /// nil: it was in some thread's cache, or open, when the last snapshot was taken. Else whether it might have been opened
        /// again.
        var waits: Bool?
    }

    private let accountsCopies: Bool
    private let keepsEnded: Bool

    /// - Parameters:
    ///   - accountsCopies: whether the snapshots have a ledger.
    ///   - keepsEnded: whether `processes` has those that have ended, too, and the rows of files and threads. Who only wants what
    ///     each snapshot added does not grow with every process that ever ended.
    public init(names: any ProcessNaming, accountsCopies: Bool = true, keepsEnded: Bool = true) {
        self.names = names
        self.accountsCopies = accountsCopies
        self.keepsEnded = keepsEnded
    }

    /// All processes in the order in which they were seen, with their figures since tracing began.
    public var processes: [ProcessFigures] { order.compactMap { rows[$0]?.figures } }

    /// Takes over a snapshot whose live threads are in it.
    public mutating func absorb(_ snapshot: Snapshot) -> Change {
        absorb(snapshot) { body in for thread in snapshot.threads { body(.changed(thread)) } }
    }

    /// - Parameter threads: calls its argument with each live thread, after everything in the snapshot has been read.
    public mutating func absorb<Failure: Error>(
        _ snapshot: Snapshot, threads: ((Snapshot.ThreadReading) -> Void) throws(Failure) -> Void
    ) throws(Failure) -> Change {
        var change = Change()
        reading += 1
        names.startSnapshot()
        takeRecords(of: snapshot)
        try threads { thread in
            if take(thread) { change.callsInProgress += 1 }
        }
        removeThreadsThatHaveGone()
        for row in touched {
            let isNew = row.figures == nil
            guard let added = row.handOut() else { continue }
            if isNew { order.append(row.id) }
            change.interval.append(added)
        }
        release(in: snapshot, &change)
        dropStrays()
        touched.removeAll(keepingCapacity: true)
        return change
    }

    // MARK: - Records

    private mutating func takeRecords(of snapshot: Snapshot) {
        for process in snapshot.processes { take(process) }
        for (key, call) in snapshot.calls { knownRow(key.processID)?.read(key, call) }
        for file in snapshot.files {
            let row = row(file.processID)
            row.read(file)
            if !file.closed {
                closed[file.id] = nil
            } else if closed[file.id]?.opens != file.figures.opens {
                closed[file.id] = ClosedFile(
                    process: row, opens: file.figures.opens, mayBeOpenedAgain: file.pathNumber != 0)
            }
        }
        for (process, threads) in snapshot.endedThreads {
            let row = row(process)
            for (thread, copies) in threads { row.add(copies, ofThread: thread, moved: true) }
        }
        for (key, latency) in snapshot.latencies { row(key.processID).read(latency, ofCall: key.number) }
        for (process, latest) in snapshot.hidden { knownRow(process)?.read(latest) }
        for (process, latest) in snapshot.pairs { knownRow(process)?.read(latest) }
        for (process, latest) in snapshot.samples { row(process).read(latest) }
        for (process, latest) in snapshot.requests { knownRow(process)?.read(latest) }
        for (process, latest) in snapshot.requestLatencies { knownRow(process)?.read(latest) }
        for (process, latest) in snapshot.rings { knownRow(process)?.read(latest) }
    }

    private mutating func take(_ process: Snapshot.Process) {
        let row = row(process.id)
        let isNamed = row.identity?.command != nil && row.identity?.cgroup != nil
        guard process != row.record || !isNamed else { return }
        row.totals += process.totals
        row.ledger += process.ledger
        if let earlier = row.record {
            row.totals -= earlier.totals
            row.ledger -= earlier.ledger
        }
        row.record = process
        let identity = identity(of: process, known: row.identity)
        row.identityChanged = row.identityChanged || identity != row.identity
        row.identity = identity
        if process.exitedNanoseconds != nil { exited.insert(process.id) }
    }

    private mutating func identity(of process: Snapshot.Process, known: ProcessIdentity?) -> ProcessIdentity {
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

    /// The row of a process, which is part of this snapshot's change.
    private mutating func row(_ id: UInt64) -> ProcessRow {
        if let row = rows[id] {
            touch(row)
            return row
        }
        let row = ProcessRow(id: id, reading: reading, accountsCopies: accountsCopies, keepsRows: keepsEnded)
        rows[id] = row
        strays.insert(id)
        touch(row)
        return row
    }

    /// For what the next snapshot has as well.
    private mutating func knownRow(_ id: UInt64) -> ProcessRow? {
        guard let row = rows[id] else { return nil }
        touch(row)
        return row
    }

    private mutating func touch(_ row: ProcessRow) {
        guard row.lastReading != reading else { return }
        row.lastReading = reading
        touched.append(row)
    }

    // MARK: - Threads

    /// - Returns: whether it is in a call.
    private mutating func take(_ thread: Snapshot.ThreadReading) -> Bool {
        switch thread {
        case .changed(let thread):
            let row = row(thread.processID)
            var live = threads.removeValue(forKey: thread.tid)
            if live?.isSame(as: thread) == false {  // thread ids are reused
                leave(live!, tid: thread.tid)
                live = nil
            }
            var known = live ?? LiveThread(thread, of: row, reading: reading)
            if live == nil { row.liveThreads += 1 }
            known.advance(to: thread, reading: reading)
            threads[thread.tid] = known
            return thread.openCall != nil
        case .asleep(let tid, let time):
            guard let process = threads[tid]?.process else { return false }
            touch(process)
            threads[tid]!.sleepOn(until: time, reading: reading)
            return threads[tid]!.openCall != nil
        }
    }

    private mutating func removeThreadsThatHaveGone() {
        for (tid, thread) in threads where thread.reading != reading {
            leave(thread, tid: tid)
            threads[tid] = nil
        }
    }

    private mutating func leave(_ thread: LiveThread, tid: UInt32) {
        touch(thread.process)
        var thread = thread
        thread.leave(tid: tid)
        thread.process.liveThreads -= 1
    }

    // MARK: - What is no longer needed

    private mutating func release(in snapshot: Snapshot, _ change: inout Change) {
        for id in exited {
            guard let row = rows[id], let ended = row.record?.exitedNanoseconds,
                ended + Self.exitGrace < snapshot.takenAt
            else { continue }
            change.endedProcesses.insert(id)
            for file in row.files.keys { close(file, of: row, &change) }
        }
        exited.subtract(change.endedProcesses)
        for (id, file) in closed {
            guard file.process.files[id] != nil else {
                closed[id] = nil
                continue
            }
            guard !file.process.isHeld(id) else {
                closed[id]!.waits = nil
                continue
            }
            // What a thread added between the reading of its record and of the threads is in the next reading.
            guard file.waits != false else {
                close(id, of: file.process, &change)
                closed[id] = nil
                continue
            }
            let waits = file.mayBeOpenedAgain && file.waits == nil
            if file.mayBeOpenedAgain && !waits { change.unusedFiles.insert(id) }
            closed[id]!.waits = waits
        }
        lazy var files = Set(change.closedFiles)
        for row in touched {
            guard row.mostCopyRows > Self.copyRowLimit else { continue }
            row.figures!.foldCopies(
                ofThreads: Set(snapshot.endedThreads[row.id].map { Array($0.keys) } ?? []), files: files,
                limit: Self.copyRowLimit)
        }
        // Their kernel records are handed back with this snapshot, so no later one can bring them again.
        for id in change.endedProcesses { rows[id]!.forgetRecords() }
        guard !keepsEnded, !change.endedProcesses.isEmpty else { return }
        for id in change.endedProcesses { rows[id] = nil }
        order.removeAll(where: change.endedProcesses.contains)
    }

    private mutating func close(_ file: UInt64, of row: ProcessRow, _ change: inout Change) {
        change.closedFiles.append(file)
        row.forget(file: file)
        // Added to a row for many when the process has too many.
        guard let count = row.figures?.files.count, count > Self.fileLimit else { return }
        row.figures!.foldClosedFile(file, limit: Self.fileLimit)
    }

    /// What a process has can be read before the process is, but not for long: then there was no room for its record.
    private mutating func dropStrays() {
        for id in strays {
            guard let row = rows[id], row.record == nil else {
                strays.remove(id)
                continue
            }
            guard row.liveThreads == 0, row.firstReading + 1 < reading else { continue }
            strays.remove(id)
            rows[id] = nil
        }
    }
}
