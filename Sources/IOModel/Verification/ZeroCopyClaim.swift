/// `zero-copy`: of what a process sent or wrote to sockets, files and pipes, the CPU copied (nearly) nothing.
///
/// Copies on the way of the sent bytes count: out of the program's memory, inside the kernel, and into the program's memory
/// as far as it sent from there. What it read without sending it is no part of the claim.
struct ZeroCopyClaim {
    let allowance: UInt64
    let subject: Subject
    let scope: Scope
    private let kind: ClaimKind

    /// Less than a page cannot go by reference in any way that pays.
    static let leastSent: UInt64 = 4096
    /// Small copies up to this share of the payload are taken for headers on the word of their mean.
    private static let headerShare = 0.1

    init(allowance: UInt64, subject: Subject, scope: Scope) {
        self.allowance = allowance
        self.subject = subject
        self.scope = scope
        kind = .zeroCopy(allowCopiedBelow: allowance)
    }

    /// nil: the process sent too little to be judged.
    func judgment(_ doubts: [Doubt]) -> Judgment? {
        var doubts = doubts + Doubts.ledger(subject)
        guard let copies = subject.copies(scope) else {
            return Judgment(outcome: .inconclusive, evidence: "there is no copy ledger", doubts: doubts)
        }
        let way = Way(copies, allowance: allowance, mean: meanWrite)
        guard way.payload >= Self.leastSent else { return nil }
        let payload = Double(way.payload)
        let measured = Double(way.copied) / payload
        doubts += Doubts.unknown(
            way.unknown, of: way.payload, wouldMatter: Double(way.copied &+ way.unknown) / payload > kind.limit)
        doubts += Doubts.folded(copies, scope)
        if Double(way.allowedByMean) > payload * Self.headerShare {
            doubts.append(
                Doubt(
                    code: "allowance_too_coarse",
                    message: """
                        \(Words.bytes(way.allowedByMean)) were copied by operations below \(Words.bytes(allowance)) on \
                        average: too much to be headers, and the sizes of single operations are not recorded
                        """))
        }
        let contradiction = CopySamples(subject.process).contradiction
        if let contradiction { doubts.append(contradiction) }
        let evidence = words(way, copies)
        // What was lost could be payload as well as copies; a hidden copy is one whatever else was lost.
        let incomplete = doubts.contains { $0.code == "losses" || $0.code == "probe_missing" }
        if copies.hiddenBytes > 0 {
            return Judgment(
                outcome: .fail, measured: max(measured, Double(copies.hiddenBytes) / payload), evidence: evidence,
                doubts: doubts, contributors: copies.contributors, remedy: copies.hiddenAdvice)
        }
        if incomplete {
            return Judgment(
                outcome: .inconclusive, measured: measured, evidence: evidence, doubts: doubts,
                contributors: copies.contributors)
        }
        return .of(
            kind, measured: measured, evidence: evidence, doubts: doubts, contributors: copies.contributors,
            remedy: copies.advice)
    }

    /// Bytes for each write- or send-type call of the process.
    private var meanWrite: Double? {
        var sum = CallFigures()
        for (number, call) in subject.process.calls {
            let kind = SyscallTrait.of(number).kind
            if kind == .write || kind == .sendmmsg { sum += call }
        }
        let calls = sum.count.less(sum.errors)
        return calls > 0 ? Double(sum.bytes) / Double(calls) : nil
    }

    private func words(_ way: Way, _ copies: ClaimedCopies) -> String {
        var parts = [
            "\(Words.bytes(way.copied)) copied of \(Words.bytes(way.payload)) \(way.isReading ? "read" : "sent or written")"
        ]
        if copies.hiddenBytes > 0 { parts.append("\(Words.bytes(copies.hiddenBytes)) by hidden copies") }
        if way.allowed > 0 {
            parts.append("\(Words.bytes(way.allowed)) more in operations below \(Words.bytes(allowance)), allowed")
        }
        if way.discarded > way.payload / 100 {
            parts.append("\(Words.bytes(way.discarded)) went to /dev/null, which copies nothing")
        }
        if copies.programBytes > 0 {
            parts.append("\(Words.bytes(copies.programBytes)) of the program's own files left out")
        }
        parts.append(CopySamples(subject.process).words)
        return parts.joined(separator: "; ")
    }

    /// The way of what was sent: how much, and how much of it the CPU copied.
    struct Way {
        var payload: UInt64 = 0
        var copied: UInt64 = 0
        var unknown: UInt64 = 0
        var allowed: UInt64 = 0
        /// Of `allowed`: by the mean size of their fd's operations, though the fd had more than the allowance in all.
        var allowedByMean: UInt64 = 0
        var discarded: UInt64 = 0
        /// Nothing in scope was written, so what was read is judged.
        var isReading = false

        init(_ copies: ClaimedCopies, allowance: UInt64, mean: Double?) {
            var (sent, out, read, readable): (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
            var (readUnknown, readAllowed): (UInt64, UInt64) = (0, 0)
            for row in copies.rows {
                let one = row.copies
                if row.file.identity.device != .plain {
                    readable &+= row.file.identity.device == .null ? one.payloadIn : 0
                    continue
                }
                guard row.file.identity.type.carriesPayload else { continue }
                sent &+= one.payloadOut
                readable &+= one.payloadIn
                copied &+= one.kernelToKernel
                unknown &+= one.unresolved
                if one.payloadOut == 0 { readUnknown &+= one.unresolved }
                if row.isBelow(allowance, mean: mean) {
                    allowed &+= one.userToKernel
                    readAllowed &+= one.kernelToUser
                    if one.userToKernel &+ one.kernelToUser >= allowance { allowedByMean &+= one.userToKernel }
                } else {
                    out &+= one.userToKernel
                    read &+= one.kernelToUser
                }
            }
            copied &+= copies.transfers.kernelToKernel
            unknown &+= copies.transfers.unresolved
            // No fd is known for these, so they may have been sent.
            let rest = copies.unplaced
            sent &+= rest.payloadOut.less(rest.userToUser)
            out &+= rest.userToKernel
            copied &+= rest.kernelToKernel
            unknown &+= rest.unresolved
            if copies.narrowsFiles && sent == 0 && copies.discarded == 0 {
                isReading = true
                payload = readable.less(readAllowed)
                copied &+= read
                allowed = readAllowed
                return
            }
            if copies.narrowsFiles { sent &+= copies.transfers.payloadOut }
            // Thrown away counts as far as it came from somewhere: what a program prints to /dev/null is no transfer.
            discarded = min(copies.discarded, readable)
            payload = (sent &+ discarded).less(allowed)
            let fromMemory = (sent &+ copies.discarded).less(copies.transferredOut).less(allowed)
            copied &+= out &+ min(read, fromMemory)
        }
    }
}

extension ClaimedCopies.Row {
    /// The copies of this fd were small ones.
    fileprivate func isBelow(_ allowance: UInt64, mean: Double?) -> Bool {
        let bytes = copies.userToKernel &+ copies.kernelToUser
        guard allowance > 0, bytes > 0 else { return false }
        if bytes < allowance { return true }
        let ledger = file.ledger
        let all = ModelSlot.allCases.reduce(UInt64(0)) { $0 &+ ($1 == .none ? 0 : file.operations(of: $1)) }
        let plain = all.less(file.again).less(ledger.zeroCopyOperations).less(ledger.directOperations)
            .less(ledger.kernelCopiedOperations)
        guard plain > 0, Double(bytes) / Double(plain) < Double(allowance) else { return false }
        // Many small reads must not hide a large write: the process's writes must be small on average too.
        return copies.userToKernel < allowance || mean.map { $0 < Double(allowance) } == true
    }
}

extension FileType {
    var isPipe: Bool { self == .pipe || self == .fifo }

    /// Sockets, files and pipes; what cannot be told counts too. Terminals and event objects do not.
    var carriesPayload: Bool {
        switch self {
        case .regular, .block, .pipe, .fifo, .unknown: true
        default: isSocket
        }
    }
}
