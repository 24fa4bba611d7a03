import Collector
import IOModel
import Testing

/// Readings that leave out what has not changed.
@Suite struct UnchangedThreadsTests {
    static let futex: UInt32 = 202
    static let process = Snapshot.Process(id: 1, pid: 10, comm: "x", command: ["x"])

    /// A snapshot with these threads, which are asleep or have changed.
    static func absorb(
        _ table: inout ProcessTable, at time: UInt64 = 1, _ threads: [Snapshot.ThreadReading] = [],
        _ build: (inout Snapshot) -> Void = { _ in }
    ) -> ProcessTable.Change {
        var snapshot = Snapshot(takenAt: time)
        build(&snapshot)
        return table.absorb(snapshot) { body in threads.forEach(body) }
    }

    /// A thread that has waited for a lock from `since` on, when it had been observed for as long.
    static func waiting(since: UInt64, at time: UInt64, calls: [UInt32: CallFigures] = [:]) -> Snapshot.Thread {
        var totals = Totals()
        totals.observed = time
        totals.onCPU = since
        totals.blocked = time - since
        totals[.lock] = time - since
        var thread = Snapshot.Thread(
            processID: 1, tid: 11, totals: totals, calls: calls,
            openCall: .init(number: futex, fileID: 4, blocked: time - since))
        thread.readAt = time
        thread.sleep = .init(cause: .lock)
        return thread
    }

    @Test func aThreadThatSleepsOnIsBlockedInEachInterval() throws {
        var table = ProcessTable(names: FixedNames())
        _ = Self.absorb(&table, [.changed(Self.waiting(since: 400, at: 1000))]) {
            $0.processes = [Self.process]
            $0.files = [ProcessTableTests.file(4)]
        }
        for time in [UInt64(3000), 5000] {
            let change = Self.absorb(&table, [.asleep(tid: 11, at: time)])
            #expect(change.callsInProgress == 1)
            let added = try #require(change.interval.first)
            #expect(added.totals.observed == 2000 && added.totals.blocked == 2000 && added.totals[.lock] == 2000)
            #expect(added.totals.onCPU == 0 && added.threads == 1)
            #expect(added.calls == [Self.futex: CallFigures(blocked: 2000)])
            #expect(added.files[4]?.blocked == 2000)
        }
        // It has returned after 4700, and has run for 300.
        var totals = Totals()
        (totals.observed, totals.onCPU, totals.blocked, totals[.lock]) = (5400, 700, 4700, 4700)
        var awake = Snapshot.Thread(
            processID: 1, tid: 11, totals: totals, calls: [Self.futex: CallFigures(count: 1, sleeps: 1, blocked: 4700)],
            fds: [.init(fileID: 4, operations: 0, bytesIn: 0, bytesOut: 0, blocked: 4700)])
        awake.readAt = 5400
        let last = try #require(Self.absorb(&table, [.changed(awake)]).interval.first)
        #expect(last.totals.observed == 400 && last.totals.onCPU == 300 && last.totals.blocked == 100)
        let figures = try #require(table.processes.first)
        #expect(figures.totals == totals)
        #expect(figures.calls == [Self.futex: CallFigures(count: 1, sleeps: 1, blocked: 4700)])
        #expect(figures.files[4]?.blocked == 4700)
    }

    @Test func aThreadThatChangedLongAgoIsCountedOnceWhenItEnds() throws {
        var table = ProcessTable(names: FixedNames())
        let calls: [UInt32: CallFigures] = [0: CallFigures(count: 3, bytes: 12)]
        _ = Self.absorb(&table, [.changed(Self.waiting(since: 400, at: 1000, calls: calls))]) {
            $0.processes = [Self.process]
        }
        for time in [UInt64(2000), 3000, 4000] { _ = Self.absorb(&table, [.asleep(tid: 11, at: time)]) }
        // It ends: missing from one reading, in its process in the next.
        #expect(Self.absorb(&table).interval.allSatisfy { $0.calls.isEmpty && $0.totals.isZero })
        var ended = Self.process
        ended.threadsEnded = 1
        (ended.totals.observed, ended.totals.onCPU, ended.totals.blocked, ended.totals[.lock]) = (4500, 900, 3600, 3600)
        let change = Self.absorb(&table) {
            $0.processes = [ended]
            $0.calls[.init(processID: 1, number: 0)] = CallFigures(count: 3, bytes: 12)
            $0.calls[.init(processID: 1, number: Self.futex)] = CallFigures(count: 1, sleeps: 1, blocked: 3600)
        }
        #expect(change.interval.first?.totals.observed == 500)
        let figures = try #require(table.processes.first)
        #expect(figures.totals == ended.totals)
        #expect(figures.calls[0] == calls[0] && figures.threads == 1)
        #expect(figures.calls[Self.futex] == CallFigures(count: 1, sleeps: 1, blocked: 3600))
    }

    @Test func aFileThatIsLeftOutKeepsItsFigures() {
        var table = ProcessTable(names: FixedNames())
        func fd(_ operations: UInt64, nonblocking: Bool = true) -> Snapshot.Thread {
            .init(
                processID: 1, tid: 11,
                fds: [
                    .init(
                        fileID: 4, operations: operations, bytesIn: 8 * operations, bytesOut: 0, blocked: 0,
                        nonblocking: nonblocking)
                ])
        }
        _ = Self.absorb(&table, [.changed(fd(2))]) {
            $0.processes = [Self.process]
            $0.files = [ProcessTableTests.file(4, operations: 5, bytesIn: 50)]
        }
        for _ in 0..<3 { #expect(Self.absorb(&table, [.asleep(tid: 11, at: 1)]).interval.isEmpty) }
        let change = Self.absorb(&table, [.changed(fd(3))])
        #expect(change.interval.first?.files[4]?.operations == 1)
        #expect(change.interval.first?.files[4]?.identity.path == "/f4")
        // What was in the thread's cache goes to the record, which knows less of the flags.
        let moved = Self.absorb(&table, [.changed(.init(processID: 1, tid: 11))]) {
            $0.files = [ProcessTableTests.file(4, operations: 8, bytesIn: 74)]
        }
        #expect(moved.interval.allSatisfy { $0.files.isEmpty })
        #expect(table.processes.first?.files[4]?.operations == 8)
        #expect(table.processes.first?.files[4]?.bytesIn == 74)
    }

    @Test func flagsThatAThreadSawOutliveAReadingOfTheRecord() {
        var table = ProcessTable(names: FixedNames())
        let fd = Snapshot.Thread.FDFigures(
            fileID: 4, operations: 1, bytesIn: 0, bytesOut: 0, blocked: 0, nonblocking: true, inEpoll: true)
        // The file was made between the reading of the records and of the threads.
        _ = Self.absorb(&table, [.changed(.init(processID: 1, tid: 11, fds: [fd]))]) { $0.processes = [Self.process] }
        _ = Self.absorb(&table, [.asleep(tid: 11, at: 1)]) { $0.files = [ProcessTableTests.file(4)] }
        let identity = table.processes.first?.files[4]?.identity
        #expect(identity?.nonblocking == true && identity?.inEpoll == true)
        #expect(table.processes.first?.files[4]?.operations == 1)
    }

    @Test func aClosedFileThatASleepingThreadHasInItsCacheIsKept() {
        var table = ProcessTable(names: FixedNames())
        let fd = Snapshot.Thread.FDFigures(fileID: 4, operations: 1, bytesIn: 0, bytesOut: 0, blocked: 0)
        _ = Self.absorb(&table, [.changed(.init(processID: 1, tid: 11, fds: [fd]))]) {
            $0.processes = [Self.process]
            $0.files = [ProcessTableTests.file(4, closed: true)]
        }
        for _ in 0..<3 { #expect(Self.absorb(&table, [.asleep(tid: 11, at: 1)]).closedFiles.isEmpty) }
        #expect(Self.absorb(&table, [.changed(.init(processID: 1, tid: 11))]).closedFiles.isEmpty)
        #expect(Self.absorb(&table, [.asleep(tid: 11, at: 1)]).closedFiles == [4])
        #expect(Self.absorb(&table, [.asleep(tid: 11, at: 1)]).closedFiles.isEmpty)
    }

    @Test func aThreadThatIsReadBeforeItsProcessIsNotLost() {
        var table = ProcessTable(names: FixedNames())
        let thread = Snapshot.Thread(processID: 1, tid: 11, calls: [0: CallFigures(count: 7)])
        #expect(Self.absorb(&table, [.changed(thread)]).interval.isEmpty)
        let change = Self.absorb(&table, [.asleep(tid: 11, at: 1)]) { $0.processes = [Self.process] }
        #expect(change.interval.first?.calls[0]?.count == 7)
        #expect(table.processes.first?.threads == 1)
    }

    @Test func aSleepOnAFileThatIsGoneLeavesNothing() {
        var table = ProcessTable(names: FixedNames())
        _ = Self.absorb(&table, [.changed(Self.waiting(since: 400, at: 1000))]) {
            $0.processes = [Self.process]
            $0.files = [ProcessTableTests.file(4, closed: true)]
        }
        var gone: [UInt64] = []
        for time in UInt64(2)...20 { gone += Self.absorb(&table, [.asleep(tid: 11, at: 1000 * time)]).closedFiles }
        #expect(gone == [4])
        var awake = Snapshot.Thread(processID: 1, tid: 11)
        awake.totals.observed = 21_000
        for _ in 0..<20 { #expect(Self.absorb(&table, [.changed(awake)]).interval.allSatisfy { $0.files.isEmpty }) }
        #expect(table.processes.first?.files[4]?.blocked == 1600)
    }

    @Test func aThreadIdThatIsUsedAgainIsAnotherThread() {
        var table = ProcessTable(names: FixedNames())
        var first = Snapshot.Thread(processID: 1, tid: 11, calls: [0: CallFigures(count: 7)])
        first.started = 1
        _ = Self.absorb(&table, [.changed(first)]) { $0.processes = [Self.process] }
        var second = Snapshot.Thread(processID: 1, tid: 11, calls: [0: CallFigures(count: 2)])
        second.started = 2
        _ = Self.absorb(&table, [.changed(second)]) {
            $0.calls[.init(processID: 1, number: 0)] = CallFigures(count: 7)
        }
        #expect(table.processes.first?.calls[0]?.count == 9)
    }

    /// Threads that work, sleep and end at random, with readings in between that miss an ended thread now and then.
    @Test(arguments: 1...20) func intervalsAddUpToWhatWasDone(seed: UInt64) throws {
        var random = Random(state: seed)
        var table = ProcessTable(names: FixedNames())
        var truth = Truth()
        var sum: ProcessFigures?
        for reading in 1...60 {
            truth.advance(&random)
            let change = truth.read(into: &table, misses: reading < 60 && random.next() % 4 == 0)
            for added in change.interval { if sum == nil { sum = added } else { sum! += added } }
        }
        let last = truth.read(into: &table, misses: false)
        #expect(last.interval.allSatisfy { $0.calls.isEmpty && $0.files.isEmpty })
        let figures = try #require(table.processes.first)
        #expect(figures.calls[0] == truth.calls && sum?.calls[0] == truth.calls)
        #expect(figures.files[4]?.operations == truth.calls.count && sum?.files[4]?.operations == truth.calls.count)
        #expect(figures.totals.voluntary == truth.calls.count && sum?.totals.voluntary == truth.calls.count)
        #expect(figures.ledger?.mapped == truth.calls.bytes && sum?.ledger?.mapped == truth.calls.bytes)
        #expect(figures.threadCopies.values.reduce(0) { $0 + $1.bytesIn } == truth.calls.bytes)
    }
}

/// The same numbers in every run.
struct Random {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }
}

/// A process whose threads read from one file.
private struct Truth {
    struct Thread {
        var tid: UInt32
        var calls = CallFigures()
        var cached = CallFigures()
        var changed = true
    }

    var calls = CallFigures()
    private var process = UnchangedThreadsTests.process
    private var threads: [Thread] = []
    private var ended: [(calls: CallFigures, thread: UInt32)] = []
    private var file = ProcessTableTests.file(4)
    private var endedCalls = CallFigures()
    private var born: UInt32 = 100

    mutating func advance(_ random: inout Random) {
        for index in threads.indices where random.next() % 3 == 0 {
            for _ in 0..<random.next() % 5 {
                let call = CallFigures(count: 1, bytes: random.next() % 100)
                calls += call
                threads[index].calls += call
                threads[index].cached += call
                threads[index].changed = true
            }
            guard random.next() % 4 == 0 else { continue }
            var thread = threads[index]
            flush(&thread)
            threads[index] = thread
        }
        if random.next() % 3 == 0, !threads.isEmpty {
            var thread = threads.remove(at: Int(random.next()) % threads.count)
            flush(&thread)
            ended.append((thread.calls, thread.tid))
        }
        while threads.count < 4 {
            born += 1
            threads.append(Thread(tid: born))
        }
    }

    private mutating func flush(_ thread: inout Thread) {
        file.figures.operations += thread.cached.count
        file.figures.bytesIn += thread.cached.bytes
        thread.cached = CallFigures()
        thread.changed = true
    }

    /// - Parameter misses: threads that have ended are in neither place yet.
    mutating func read(into table: inout ProcessTable, misses: Bool) -> ProcessTable.Change {
        var finished: [ThreadCopies.Key: ThreadCopies] = [:]
        if !misses {
            for (calls, thread) in ended {
                endedCalls += calls
                process.threadsEnded += 1
                process.totals.voluntary += calls.count
                process.ledger.mapped += calls.bytes
                var ledger = LedgerFigures()
                ledger.mapped = calls.bytes
                if calls.bytes > 0 {
                    finished[.init(started: 0, tid: thread)] = ThreadCopies(bytesIn: calls.bytes, ledger: ledger)
                }
            }
            ended = []
        }
        var readings: [Snapshot.ThreadReading] = []
        for index in threads.indices {
            let thread = threads[index]
            guard thread.changed else {
                readings.append(.asleep(tid: thread.tid, at: 0))
                continue
            }
            threads[index].changed = false
            var sample = Snapshot.Thread(
                processID: 1, tid: thread.tid, calls: [0: thread.calls],
                fds: thread.cached.count == 0
                    ? []
                    : [
                        .init(
                            fileID: 4, operations: thread.cached.count, bytesIn: thread.cached.bytes, bytesOut: 0,
                            blocked: 0)
                    ])
            sample.totals.voluntary = thread.calls.count
            sample.ledger.mapped = thread.calls.bytes
            readings.append(.changed(sample))
        }
        return UnchangedThreadsTests.absorb(&table, readings) {
            $0.processes = [process]
            $0.files = [file]
            $0.calls[.init(processID: 1, number: 0)] = endedCalls
            if !finished.isEmpty { $0.endedThreads = [1: finished] }
        }
    }
}
