internal import IOModel

/// A live thread as it was last read.
struct LiveThread {
    let process: ProcessRow
    let started: UInt64
    private var hasMoved = false
    private var counters: PackedCounters
    private var calls = PackedCalls()
    private var fds: [Snapshot.Thread.FDFigures]
    private(set) var openCall: Snapshot.Thread.OpenCall?
    private var sleep: Snapshot.Thread.Sleep?
    private var readAt: UInt64
    /// Of its sleep, what has been counted since its counters were read.
    private var slept: UInt64 = 0
    /// The number of the last reading that had it.
    var reading: UInt64

    /// A thread without counters, which those of a reading are compared with.
    init(_ thread: Snapshot.Thread, of process: ProcessRow, reading: UInt64) {
        self.process = process
        started = thread.started
        counters = .none
        fds = []
        readAt = thread.readAt
        self.reading = reading
    }

    func isSame(as thread: Snapshot.Thread) -> Bool {
        started == thread.started && process.id == thread.processID
    }

    /// Hands over what the thread has counted since it was last read.
    mutating func advance(to thread: Snapshot.Thread, reading: UInt64) {
        countSleep(0 &- slept)
        slept = 0
        var (totals, ledger) = (thread.totals, thread.ledger)
        counters.subtract(from: &totals, &ledger)
        process.totals += totals
        process.ledger += ledger
        hasMoved = hasMoved || !ThreadCopies(calls: thread.calls, ledger: thread.ledger).movedNothing
        var copies = ThreadCopies(ledger: ledger)
        calls.replace(by: thread.calls) { number, added in
            process.calls[number, default: CallFigures()] += added
            if added.bytes != 0 { copies.add(added.bytes, ofCall: number) }
        }
        process.add(copies, ofThread: .init(started: started, tid: thread.tid), moved: hasMoved)
        replaceFDs(by: thread.fds)
        if let openCall { process.charge(openCall, blocked: 0 &- openCall.blocked, runQueue: 0 &- openCall.runQueue) }
        if let open = thread.openCall { process.charge(open, blocked: open.blocked, runQueue: open.runQueue) }
        counters = PackedCounters(thread.totals, thread.ledger)
        (openCall, sleep, readAt) = (thread.openCall, thread.sleep, thread.readAt)
        self.reading = reading
    }

    /// The thread has done nothing but go on sleeping.
    mutating func sleepOn(until time: UInt64, reading: UInt64) {
        self.reading = reading
        guard time > readAt else { return }
        countSleep(time - readAt)
        slept &+= time - readAt
        readAt = time
    }

    /// The thread has gone. What it had counted has been added to its process, or will have been in the next reading.
    mutating func leave(tid: UInt32) {
        var nothing = Snapshot.Thread(processID: process.id, tid: tid)
        nothing.started = started
        advance(to: nothing, reading: reading)
    }

    private func countSleep(_ time: UInt64) {
        guard time != 0, let sleep else { return }
        process.totals.observed &+= time
        process.totals.blocked &+= time
        process.totals[sleep.cause] &+= time
        if sleep.isWait { process.totals.sleepWait &+= time }
        if let openCall { process.charge(openCall, blocked: time, runQueue: 0) }
    }

    private mutating func replaceFDs(by latest: [Snapshot.Thread.FDFigures]) {
        for index in 0..<max(fds.count, latest.count) {
            if index < fds.count, index < latest.count, fds[index].fileID == latest[index].fileID,
                fds[index].model == latest[index].model
            {
                process.add(latest[index], since: fds[index])
                continue
            }
            if index < fds.count { process.release(fds[index]) }
            if index < latest.count { process.hold(latest[index]) }
        }
        fds = latest
    }
}
