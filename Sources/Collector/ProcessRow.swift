internal import IOModel

/// A process: what has been handed out of it, and what has been read beyond that.
final class ProcessRow {
    /// An open file, or one that was closed and whose record is still in the kernel.
    struct File {
        var identity: FileIdentity
        var opens: UInt64
        /// What pairs of fds call it.
        var pairID: UInt64
        /// As its record was last read; most of what threads did is in their caches.
        var counters = PackedCounters.none
    }

    /// Threads that have a file in their caches.
    struct Holders {
        var count = 0
        /// As the last of them saw the file, which its record may not know yet.
        var nonblocking = false
        var inEpoll = false
    }

    let id: UInt64
    /// As last read; nil before: a thread can be read before its process.
    var record: Snapshot.Process?
    /// Since tracing began, as handed out; without files and threads if `keepsRows` is false.
    var figures: ProcessFigures?
    var identity: ProcessIdentity?
    var identityChanged = false
    /// The readings that first and last had something of it.
    let firstReading: UInt64
    var lastReading: UInt64 = 0

    // What has been read and not been handed out, see `Balancing`.
    var totals = Totals()
    var ledger = LedgerFigures()
    var calls: [UInt32: CallFigures] = [:]
    private var fileBalances: [UInt64: FileCounters] = [:]
    private var copies: [ThreadCopies.Key: ThreadCopies] = [:]
    /// How often something was left of both that nothing may ever make up for: see `dropWhatNobodyKnows`.
    private var strangers: [UInt64: Int] = [:]
    private var overdue: [ThreadCopies.Key: Int] = [:]
    private static let patience = 8
    /// Of threads that have moved nothing yet: all that such a thread did is shown once it has.
    private var idleCopies: [ThreadCopies.Key: ThreadCopies] = [:]
    /// What this reading adds to figures that come from one place each.
    private var news = ProcessRow.nothing
    private static let nothing = ProcessFigures(identity: ProcessIdentity(id: 0, pid: 0, ppid: 0, comm: ""))

    var liveThreads: UInt64 = 0
    /// As last read.
    var callRecords: [Snapshot.CallKey: CallFigures] = [:]
    private(set) var files: [UInt64: File] = [:]
    private var holders: [UInt64: Holders] = [:]
    private let accountsCopies: Bool
    private let keepsRows: Bool

    init(id: UInt64, reading: UInt64, accountsCopies: Bool, keepsRows: Bool) {
        self.id = id
        firstReading = reading
        self.accountsCopies = accountsCopies
        self.keepsRows = keepsRows
    }

    // MARK: - Reading

    func read(_ key: Snapshot.CallKey, _ latest: CallFigures) {
        let earlier = callRecords.updateValue(latest, forKey: key)
        guard latest != earlier else { return }
        calls[key.number, default: CallFigures()] += latest
        if let earlier { calls[key.number]! -= earlier }
    }

    func read(_ file: Snapshot.File) {
        let latest = PackedCounters(file.figures)
        let known = files[file.id]
        if known?.counters != latest {
            var added = file.figures
            known?.counters.subtract(from: &added)
            balance(of: file.id) { $0 += added.counters }
        }
        var identity = file.figures.identity
        if let holders = holders[file.id] {
            (identity.nonblocking, identity.inEpoll) = (holders.nonblocking, holders.inEpoll)
        }
        files[file.id] = File(
            identity: identity, opens: file.figures.opens, pairID: file.pairID, counters: latest)
        if known?.identity != identity || known?.opens != file.figures.opens {
            figures?.files[file.id]?.identity = identity
            figures?.files[file.id]?.opens = file.figures.opens
        }
    }

    /// - Parameters:
    ///   - latest: of a thread that has ended, or what a live one has added.
    ///   - moved: whether the thread has moved anything so far.
    func add(_ latest: ThreadCopies, ofThread key: ThreadCopies.Key, moved: Bool) {
        guard accountsCopies, !latest.isZero else { return }
        guard moved else {
            idleCopies[key, default: ThreadCopies()] += latest
            if idleCopies[key]!.isZero { idleCopies[key] = nil }
            return
        }
        copies[key, default: ThreadCopies()] += latest
        if let earlier = idleCopies.removeValue(forKey: key) { copies[key]! += earlier }
    }

    /// A call in progress, or one that is no longer: the times go below zero then.
    func charge(_ call: Snapshot.Thread.OpenCall, blocked: UInt64, runQueue: UInt64) {
        calls[call.number, default: CallFigures()] += CallFigures(blocked: blocked, runQueue: runQueue)
        if let file = call.fileID { balance(of: file) { $0.blocked &+= blocked } }
    }

    private func balance(of file: UInt64, _ change: (inout FileCounters) -> Void) {
        change(&fileBalances[file, default: FileCounters()])
    }

    // Figures that come from one place each are as they were handed out, and what is more is new.

    func read(_ latency: Latency, ofCall number: UInt32) {
        let added = figures?.latencies[number].map { latency.since($0) } ?? latency
        if !added.isZero { news.latencies[number] = added }
    }

    func read(_ latest: [HiddenFigures.Key: HiddenFigures]) {
        Self.note(latest, since: figures?.hidden, in: &news.hidden)
    }

    func read(_ latest: [UInt32: SampleFigures]) { Self.note(latest, since: figures?.samples, in: &news.samples) }

    func read(_ latest: [RequestFigures.Key: RequestFigures]) {
        Self.note(latest, since: figures?.requests, in: &news.requests)
    }

    func read(_ latest: [RequestFigures.Key: Latency]) {
        Self.note(latest, since: figures?.requestLatencies, in: &news.requestLatencies)
    }

    func read(_ latest: [UInt64: UringRing]) { news.rings = latest }

    /// Its ids are those of files, which have the names.
    func read(_ latest: [PairFigures.Key: PairFigures]) {
        let names = Dictionary(files.values.map { ($0.pairID, $0.identity) }) { $1 }
        var latest = latest
        for key in latest.keys {
            latest[key]!.source = names[key.source]
            latest[key]!.sink = names[key.sink]
        }
        Self.note(latest, since: figures?.pairs, in: &news.pairs)
    }

    private static func note<Key, Row: Accumulating>(
        _ latest: [Key: Row], since earlier: [Key: Row]?, in news: inout [Key: Row]
    ) {
        for (key, row) in latest {
            let added = earlier?[key].map { row.since($0) } ?? row
            if !added.isZero { news[key] = added }
        }
    }

    // MARK: - Threads' caches of fds

    func hold(_ fd: Snapshot.Thread.FDFigures) {
        holders[fd.fileID, default: Holders()].count += 1
        note(fd)
        balance(of: fd.fileID) { $0.add(fd) }
    }

    func add(_ latest: Snapshot.Thread.FDFigures, since earlier: Snapshot.Thread.FDFigures) {
        if let known = holders[latest.fileID],
            (known.nonblocking, known.inEpoll) != (latest.nonblocking, latest.inEpoll)
        {
            note(latest)
        }
        guard latest.hasOtherCounters(than: earlier) else { return }
        balance(of: latest.fileID) {
            $0.add(latest)
            $0.subtract(earlier)
        }
    }

    func release(_ fd: Snapshot.Thread.FDFigures) {
        holders[fd.fileID]!.count -= 1
        if holders[fd.fileID]!.count == 0 { holders[fd.fileID] = nil }
        balance(of: fd.fileID) { $0.subtract(fd) }
    }

    private func note(_ fd: Snapshot.Thread.FDFigures) {
        holders[fd.fileID]!.nonblocking = fd.nonblocking
        holders[fd.fileID]!.inEpoll = fd.inEpoll
        guard let identity = files[fd.fileID]?.identity,
            identity.nonblocking != fd.nonblocking || identity.inEpoll != fd.inEpoll
        else { return }
        files[fd.fileID]!.identity.nonblocking = fd.nonblocking
        files[fd.fileID]!.identity.inEpoll = fd.inEpoll
        figures?.files[fd.fileID]?.identity = files[fd.fileID]!.identity
    }

    /// Whether a thread can still add to a file by its cache.
    func isHeld(_ file: UInt64) -> Bool { holders[file] != nil }

    /// The kernel's record of a file is given back.
    func forget(file: UInt64) {
        files[file] = nil
        fileBalances[file] = nil
    }

    /// So are all of its records.
    func forgetRecords() {
        callRecords = [:]
        files = [:]
        (calls, fileBalances, copies, idleCopies) = ([:], [:], [:], [:])
    }

    // MARK: - Handing out

    /// Of pairs, of hidden copies or of threads.
    var mostCopyRows: Int {
        max(figures?.pairs.count ?? 0, figures?.hidden.count ?? 0, figures?.threadCopies.count ?? 0)
    }

    /// What has come in since the last time; nil when that is nothing.
    func handOut() -> ProcessFigures? {
        guard let identity, let threadsEnded = record?.threadsEnded else { return nil }
        var added = Self.nothing
        swap(&added, &news)
        added.identity = identity
        added.threads = UInt64(threadsEnded) &+ liveThreads
        added.totals = totals.takeCredit()
        added.ledger = accountsCopies ? ledger.takeCredit() : nil
        added.calls = Self.takeCredit(of: &calls) { _, _ in true }
        let counters = Self.takeCredit(of: &fileBalances) { file, _ in files[file] != nil }
        added.files.reserveCapacity(counters.count)
        for (id, counters) in counters {
            let file = files[id]!
            added.files[id] = FileFigures(identity: file.identity, opens: file.opens, counters: counters)
        }
        added.threadCopies = Self.takeCredit(of: &copies) { _, _ in true }
        dropWhatNobodyKnows()
        let isWorthIt = figures == nil || identityChanged || !added.isIdle
        identityChanged = false
        if figures == nil { figures = added } else { figures! += added }
        if !keepsRows { (figures!.files, figures!.threadCopies) = ([:], [:]) }
        return isWorthIt ? added : nil
    }

    /// A file can be closed and given back while a thread still sleeps in a call on it, and the row of an ended thread may have
    /// found no room. What is then left would be there for as long as the process lives.
    private func dropWhatNobodyKnows() {
        if !fileBalances.isEmpty || !strangers.isEmpty {
            strangers = Self.counted(fileBalances.keys.filter { files[$0] == nil && holders[$0] == nil }, strangers)
            for (file, times) in strangers where times > Self.patience { fileBalances[file] = nil }
        }
        if !copies.isEmpty || !overdue.isEmpty {
            overdue = Self.counted(copies.keys, overdue)
            for (thread, times) in overdue where times > Self.patience { copies[thread] = nil }
        }
    }

    private static func counted<Key: Hashable>(_ keys: some Sequence<Key>, _ earlier: [Key: Int]) -> [Key: Int] {
        Dictionary(uniqueKeysWithValues: keys.map { ($0, earlier[$0, default: 0] + 1) })
    }

    private static func takeCredit<Key, Value: Balancing>(
        of balances: inout [Key: Value], where isDue: (Key, Value) -> Bool
    ) -> [Key: Value] {
        // Mostly all is above zero and due, and then it is handed out without a copy: there may be a row for each thread.
        var credits = balances
        // Most of what there was will be there again, unless it is a row for each of many threads.
        balances = Dictionary(minimumCapacity: credits.count > 32 ? 0 : credits.count)
        var kept: [Key] = []
        var index = credits.startIndex
        while index != credits.endIndex {
            let (key, balance) = credits[index]
            var rest = balance
            let credit = rest.takeCredit()
            if credit.isZero || !isDue(key, balance) {
                kept.append(key)
                if !balance.isSettled { balances[key] = balance }
            } else if !rest.isSettled {
                credits.values[index] = credit
                balances[key] = rest
            }
            credits.formIndex(after: &index)
        }
        for key in kept { credits[key] = nil }
        return credits
    }
}

extension Snapshot.Thread.FDFigures {
    fileprivate func hasOtherCounters(than earlier: Self) -> Bool {
        (operations, bytesIn, bytesOut, blocked, again)
            != (earlier.operations, earlier.bytesIn, earlier.bytesOut, earlier.blocked, earlier.again)
    }
}

extension FileCounters {
    fileprivate mutating func add(_ fd: Snapshot.Thread.FDFigures) {
        operations &+= fd.operations
        bytesIn &+= fd.bytesIn
        bytesOut &+= fd.bytesOut
        blocked &+= fd.blocked
        again &+= fd.again
        self[fd.model] += ModelFigures(operations: fd.operations, bytes: fd.bytesIn &+ fd.bytesOut)
    }

    fileprivate mutating func subtract(_ fd: Snapshot.Thread.FDFigures) {
        operations &-= fd.operations
        bytesIn &-= fd.bytesIn
        bytesOut &-= fd.bytesOut
        blocked &-= fd.blocked
        again &-= fd.again
        self[fd.model].operations &-= fd.operations
        self[fd.model].bytes &-= fd.bytesIn &+ fd.bytesOut
    }
}

extension ProcessFigures {
    /// No counter at all.
    fileprivate var isIdle: Bool {
        totals.isZero && calls.isEmpty && latencies.isEmpty && files.isEmpty && ledger?.isZero != false
            && hidden.isEmpty
            && pairs.isEmpty && threadCopies.isEmpty && samples.isEmpty && requests.isEmpty
    }
}
