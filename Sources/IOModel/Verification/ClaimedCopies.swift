/// The copies of a process that claims are about: of the fds in scope, without what it read of its own program.
///
/// Libraries, modules and settings are read once at the start and would drown the payload of a short run. They are left out
/// as long as nothing was written to them. docs/verify.md, "What counts".
struct ClaimedCopies {
    /// One fd and its own ledger.
    struct Row {
        var id: UInt64
        var file: FileFigures
        var copies: Copies
    }

    /// Fds in scope.
    private(set) var rows: [Row] = []
    /// All of them together; of a whole process, also what belongs to no fd.
    private(set) var sum = Copies()
    /// Of `sum`: what belongs to no fd.
    private(set) var unplaced = Copies()
    private(set) var hidden: [Contributor] = []
    private(set) var hiddenBytes: UInt64 = 0
    /// The remedy against the largest hidden copy.
    private(set) var hiddenAdvice: String?
    /// Bytes that were read of the program itself.
    private(set) var programBytes: UInt64 = 0
    /// Thrown away by /dev/null, or zeros of /dev/zero: payload that nobody copies.
    private(set) var discarded: UInt64 = 0
    private(set) var zeros: UInt64 = 0
    /// Of `sum`: what the kernel moved from fds in scope to others, and is not in `rows`.
    private(set) var transfers = Copies()
    /// Rows that stand for many fds, so that their paths are not known.
    private(set) var hasFoldedRows = false
    let narrowsFiles: Bool
    let process: ProcessFigures
    private let pairs: [PairFigures]

    /// nil when the figures come from a recording that has no ledger.
    init?(_ process: ProcessFigures, scope: Scope) {
        guard let total = Copies(of: process) else { return nil }
        self.process = process
        narrowsFiles = scope.narrowsFiles
        let own = ProgramFiles(pid: process.identity.pid, command: process.identity.command)
        var (program, all): ([Copies], [Copies]) = ([], [])
        for (id, file) in process.files {
            let copies = Copies(of: file)
            all.append(copies)
            if file.opens > 1 && file.identity.fd < 0 { hasFoldedRows = true }
            let named = !scope.paths.isEmpty && scope.contains(file.identity)
            if !named && copies.payloadOut == 0 && own.contain(file.identity) {
                program.append(copies)
                continue
            }
            guard scope.contains(file.identity) else { continue }
            rows.append(Row(id: id, file: file, copies: copies))
            switch file.identity.device {
            case .plain: break
            case .null: discarded &+= copies.payloadOut
            case .zero:
                discarded &+= copies.payloadOut
                zeros &+= copies.payloadIn
            }
        }
        rows.sort { ($1.copies.copied, $0.id) < ($0.copies.copied, $1.id) }
        programBytes = program.reduce(0) { $0 &+ $1.payloadIn }
        if narrowsFiles {
            pairs = process.pairs.values.filter { pair in
                [pair.source, pair.sink].contains { $0.map { scope.contains($0) } == true }
            }
            for row in rows { sum.add(row.copies) }
            // What the kernel copied between two fds is charged to one of them, which may be out of scope.
            for pair in pairs where pair.sink.map({ scope.contains($0) }) != true {
                transfers.addTransfer(pair, chargedToSource: Self.isPipeSplice(pair))
            }
            sum.add(transfers)
        } else {
            pairs = Array(process.pairs.values)
            sum = total.without(program)
            unplaced = total.without(all)
        }
        findHidden(scope)
    }

    private static func isPipeSplice(_ pair: PairFigures) -> Bool {
        pair.sink?.type.isPipe == true && pair.source?.type.isPipe == false
    }

    /// Bytes that went from one fd to another inside the kernel and are payload out: they never were in user memory.
    var transferredOut: UInt64 {
        var (bytes, intoPipes): (UInt64, UInt64) = (0, 0)
        for pair in pairs where pair.sink != nil {
            if Self.isPipeSplice(pair) { intoPipes &+= pair.bytes } else { bytes &+= pair.bytes }
        }
        // What splice put into a pipe is no payload out; what sendfile put there is.
        let spliced = rows.reduce(0) { $0 &+ ($1.file.identity.type.isPipe ? $1.file.ledger.outNotPayload : 0) }
        return bytes &+ intoPipes.less(spliced)
    }

    private mutating func findHidden(_ scope: Scope) {
        let ids = Set(rows.map(\.id))
        var found: [(bytes: UInt64, operation: String, file: FileIdentity?, reason: String, advice: String)] = []
        for (key, figures) in process.hidden where !narrowsFiles || ids.contains(key.file) {
            guard let code = HiddenCopy(rawValue: key.code), figures.bytes > 0 else { continue }
            found.append(
                (figures.bytes, key.operation.name, process.files[key.file]?.identity, code.reason, code.advice))
        }
        for row in rows where row.file.ledger.zeroCopySent > 0 {
            let copied = ZeroCopySends(row.file.ledger).copied
            guard copied > 0 else { continue }
            let code = row.file.identity.zeroCopyReason.hiddenCopy
            let operation = Operation(code: row.file.identity.zeroCopyOperation).name
            found.append((copied, operation, row.file.identity, code.reason, code.advice))
        }
        if narrowsFiles {
            for pair in pairs where pair.kernelToKernel > 0 && pair.sink.map({ scope.contains($0) }) != true {
                let code: HiddenCopy =
                    pair.sink.map { $0.type == .regular || $0.type == .block } == true
                    ? .spliceIntoFile : .spliceSinkCopies
                found.append(
                    (
                        pair.kernelToKernel, "transfer to \(pair.sink?.name ?? "?")", pair.source, code.reason,
                        code.advice
                    )
                )
            }
        }
        found.sort { ($1.bytes, $0.operation, $0.reason) < ($0.bytes, $1.operation, $1.reason) }
        hiddenBytes = found.reduce(0) { $0 &+ $1.bytes }
        hiddenAdvice = found.first?.advice
        hidden = found.prefix(Contributor.limit).map {
            Contributor(
                operation: $0.operation, file: $0.file, value: Double($0.bytes), unit: .bytes, reason: $0.reason)
        }
    }

    /// The largest copies: by fd, with the calls that may have made them, and the hidden ones with their reasons.
    var contributors: [Contributor] {
        var all = hidden
        // A hidden copy between user and kernel is in these two as well, and named already.
        let named = Set(hidden.compactMap(\.target))
        for place in Place.of(rows) where !named.contains(place.identity.name) {
            if place.read > 0 {
                all.append(
                    Contributor(
                        operation: process.reads(of: place.identity), file: place.identity, value: Double(place.read),
                        unit: .bytes, reason: "the CPU copied what was read into the program's memory"))
            }
            if place.written > 0 {
                all.append(
                    Contributor(
                        operation: process.writes(of: place.identity), file: place.identity,
                        value: Double(place.written), unit: .bytes,
                        reason: "the CPU copied what was written out of the program's memory"))
            }
        }
        if unplaced.copied > 0 {
            all.append(
                Contributor(
                    operation: "others", value: Double(unplaced.copied), unit: .bytes,
                    reason: unplaced.userToUser > 0
                        ? "the CPU copied between processes" : "copies that belong to no known fd"))
        }
        return all.sorted { $0.value > $1.value }.prefix(Contributor.limit).map { $0 }
    }

    /// Fds that lead to the same: openings of a path, connections at one local address.
    private struct Place {
        var identity: FileIdentity
        var fds = 0
        var read: UInt64 = 0
        var written: UInt64 = 0

        static func of(_ rows: [Row]) -> [Place] {
            var places: [String: Place] = [:]
            for row in rows where row.copies.kernelToUser > 0 || row.copies.userToKernel > 0 {
                let identity = row.file.identity
                let key = identity.path ?? "\(identity.type.rawValue) \(identity.local ?? "\(row.id)")"
                var place = places[key] ?? Place(identity: identity)
                place.fds += 1
                place.read &+= row.copies.kernelToUser
                place.written &+= row.copies.userToKernel
                if place.fds > 1 {
                    place.identity.fd = -1
                    if place.identity.peer != nil { place.identity.peer = "\(place.fds) peers" }
                }
                places[key] = place
            }
            return places.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    /// What would save the largest copies.
    var advice: String {
        if let hiddenAdvice, Double(hiddenBytes) > Double(sum.copied) / 2 { return hiddenAdvice }
        let (read, written) = (sum.kernelToUser, sum.userToKernel)
        let toSocket = rows.contains { $0.file.identity.type.isSocket && $0.copies.userToKernel > written / 2 }
        switch (read >= written / 2, written >= read / 2) {
        case (true, true):
            return toSocket
                ? "send the file with sendfile, or splice it, instead of reading and writing it"
                : "use copy_file_range on a file system with reflink, splice between pipes, or O_DIRECT at both ends"
        case (true, false): return "read with O_DIRECT, or map the file, instead of reading it into memory"
        default:
            return toSocket
                ? "send files with sendfile; send large buffers with MSG_ZEROCOPY"
                : "write with O_DIRECT, or let the kernel move it (splice, copy_file_range)"
        }
    }
}

extension Copies {
    mutating func add(_ part: Copies) {
        for field in Self.fields { self[keyPath: field] &+= part[keyPath: field] }
    }

    fileprivate mutating func addTransfer(_ pair: PairFigures, chargedToSource: Bool) {
        guard !chargedToSource else { return }
        payloadOut &+= pair.bytes
        kernelToKernel &+= pair.kernelToKernel
        avoided &+= pair.avoided
        unresolved &+= pair.unknown
    }
}

extension ProcessFigures {
    /// The calls that may have read from a file, or written to it.
    func reads(of file: FileIdentity) -> String { largestCalls(of: [.read, .recvmmsg], on: file) }
    func writes(of file: FileIdentity) -> String { largestCalls(of: [.write, .sendmmsg], on: file) }

    /// Names of the calls of some kinds that moved nearly all bytes of those kinds, the largest first.
    private func largestCalls(of kinds: Set<CallKind>, on file: FileIdentity) -> String {
        let moved = calls.filter { number, call in
            let name = SyscallNames.name(of: number)
            return kinds.contains(SyscallTrait.of(number).kind) && call.bytes > 0
                && (file.type.isSocket || !(name.hasPrefix("recv") || name.hasPrefix("send")))
        }
        .sorted { ($1.value.bytes, $0.key) < ($0.value.bytes, $1.key) }
        let total = moved.reduce(0) { $0 &+ $1.value.bytes }
        var (names, sum): ([String], UInt64) = ([], 0)
        for (number, call) in moved where sum <= total.less(total / 20) && names.count < 3 {
            names.append(SyscallNames.name(of: number))
            sum &+= call.bytes
        }
        if names.isEmpty { names = uring.isEmpty ? ["io"] : ["io_uring"] }
        return names.joined(separator: ", ")
    }
}
