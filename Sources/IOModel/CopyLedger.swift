/// The copy ledger of a process, a thread or an fd: how many bytes the CPU copied, between what, and how that is known.
///
/// A plain read or write copies its result; whatever differs from that is in `LedgerFigures`. Every figure is per operation
/// and by its result, in bytes. docs/copy-ledger.md has the rules, their sources in the kernel, and their limits.
public struct Copies: Sendable, Equatable {
    public var userToKernel: UInt64 = 0
    public var kernelToUser: UInt64 = 0
    public var kernelToKernel: UInt64 = 0
    /// process_vm_readv and process_vm_writev.
    public var userToUser: UInt64 = 0
    /// Moved by reference or by a device.
    public var avoided: UInt64 = 0
    /// Neither: nothing said yet what became of these.
    public var unresolved: UInt64 = 0
    public var payloadIn: UInt64 = 0
    public var payloadOut: UInt64 = 0
    public var dmaIn: UInt64 = 0
    public var dmaOut: UInt64 = 0
    /// Of what was copied or avoided: by the kernel's own word.
    public var observed: UInt64 = 0

    public init() {}

    /// CPU copies of all directions.
    public var copied: UInt64 { userToKernel &+ kernelToUser &+ kernelToKernel &+ userToUser }
    /// Everything that the ledger says something of.
    public var accounted: UInt64 { copied &+ avoided &+ unresolved }
    /// What follows from the call, its result and the state of the objects it went through.
    public var derived: UInt64 { accounted.less(observed).less(unresolved) }
    /// Payload through the process: the larger of in and out.
    public var payload: UInt64 { max(payloadIn, payloadOut) }
    /// CPU-copied bytes for each byte of payload: 2 for a server that reads and writes, 0 with sendfile. nil without payload.
    public var amplification: Double? { payload > 0 ? Double(copied) / Double(payload) : nil }

    /// The part that a ledger decides, whosever it is. Zero-copy sends are left to `add(_:)`, since what became of them is
    /// known per socket.
    private init(bytesIn: UInt64, bytesOut: UInt64, ledger: LedgerFigures) {
        payloadIn = bytesIn.less(ledger.inNotPayload)
        payloadOut = bytesOut.less(ledger.outNotPayload)
        kernelToUser = bytesIn.less(ledger.inNotCopied)
        userToKernel = bytesOut.less(ledger.outNotCopied)
        kernelToKernel = ledger.kernelToKernel
        avoided = ledger.avoided &+ ledger.avoidedObserved
        observed = ledger.avoidedObserved
        unresolved = ledger.unknown
        dmaIn = ledger.dmaIn
        dmaOut = ledger.dmaOut
    }

    private mutating func add(_ sends: ZeroCopySends) {
        avoided &+= sends.avoided
        kernelToKernel &+= sends.copied
        unresolved &+= sends.unresolved
        observed &+= sends.observed
    }

    /// Of one fd.
    public init(of file: FileFigures) {
        var file = file
        file.settleDevice()
        self.init(bytesIn: file.bytesIn, bytesOut: file.bytesOut, ledger: file.ledger)
        add(ZeroCopySends(file.ledger))
    }

    /// Of one thread. What became of its zero-copy sends is known for their sockets only, so they are left out.
    public init(of thread: ThreadCopies) {
        let ledger = thread.ledger
        self.init(
            bytesIn: thread.bytesIn &+ ledger.otherIn, bytesOut: thread.bytesOut &+ ledger.otherOut, ledger: ledger)
        payloadIn &+= thread.fromProcesses
        payloadOut &+= thread.toProcesses
        userToUser = thread.fromProcesses &+ thread.toProcesses
    }

    /// What is left when the copies of parts are taken away, figure by figure.
    public func without(_ parts: [Copies]) -> Copies {
        var rest = self
        for field in Self.fields {
            rest[keyPath: field] = rest[keyPath: field].less(parts.reduce(0) { $0 &+ $1[keyPath: field] })
        }
        return rest
    }

    static let fields: [any WritableKeyPath<Copies, UInt64> & Sendable] = [
        \.userToKernel, \.kernelToUser, \.kernelToKernel, \.userToUser, \.avoided, \.unresolved, \.payloadIn,
        \.payloadOut, \.dmaIn, \.dmaOut, \.observed,
    ]

    /// Of a process. nil when its figures come from a recording that has no ledger.
    public init?(of process: ProcessFigures) {
        guard let ledger = process.ledger else { return nil }
        let calls = CallBytes(process.calls)
        self.init(
            bytesIn: calls.bytesIn &+ ledger.otherIn, bytesOut: calls.bytesOut &+ ledger.otherOut, ledger: ledger)
        payloadIn &+= calls.fromProcesses
        payloadOut &+= calls.toProcesses
        userToUser = calls.fromProcesses &+ calls.toProcesses
        var known: UInt64 = 0
        for file in process.files.values where file.ledger.zeroCopySent > 0 {
            add(ZeroCopySends(file.ledger))
            known &+= file.ledger.zeroCopySent
        }
        unresolved &+= ledger.zeroCopySent.less(known)  // sends on fds that could not be identified
    }
}

/// What became of the zero-copy sends of a socket.
///
/// Completions decide (SO_EE_CODE_ZEROCOPY_COPIED, IORING_NOTIF_USAGE_ZC_COPIED). Where the program did not read them, the
/// buffers' flags at the device do: by reference to a loopback device, or to one without scatter/gather, will be copied
/// there, by reference to hardware was not. What neither tells is unresolved.
struct ZeroCopySends {
    var avoided: UInt64
    var copied: UInt64
    var unresolved: UInt64
    /// By completions.
    var observed: UInt64
    var avoidedOperations: UInt64
    var copiedOperations: UInt64

    init(_ ledger: LedgerFigures) {
        // Completions never tell of more than was sent, whoever read them.
        let completedCopied = min(ledger.zeroCopyCopied, ledger.zeroCopySent)
        let completedAvoided = min(ledger.zeroCopyAvoided, ledger.zeroCopySent &- completedCopied)
        let open = ledger.zeroCopySent.less(completedAvoided &+ completedCopied)
        let toCopy = min(open, ledger.zeroCopyToCopy.less(completedCopied))
        let device = min(open &- toCopy, ledger.zeroCopyDevice.less(completedAvoided))
        avoided = completedAvoided &+ device
        copied = completedCopied &+ toCopy
        unresolved = open &- toCopy &- device
        observed = completedAvoided &+ completedCopied
        let openSends = ledger.zeroCopySends.less(ledger.zeroCopySendsAvoided &+ ledger.zeroCopySendsCopied)
        avoidedOperations = ledger.zeroCopySendsAvoided &+ (toCopy == 0 && device > 0 ? openSends : 0)
        copiedOperations = ledger.zeroCopySendsCopied &+ (toCopy > 0 ? openSends : 0)
    }
}

extension LedgerFigures {
    /// Writes down what became of a socket's zero-copy sends, so that its row can be added to others': what one socket
    /// handed to a device says nothing of another's sends.
    mutating func settleZeroCopySends() {
        guard zeroCopySent > 0 else { return }
        let sends = ZeroCopySends(self)
        let (copied, avoided) = (min(zeroCopyCopied, zeroCopySent), min(zeroCopyAvoided, zeroCopySent))
        zeroCopyToCopy = sends.copied
        zeroCopyDevice = sends.avoided
        (zeroCopyCopied, zeroCopyAvoided) = (copied, min(avoided, zeroCopySent &- copied))
    }
}

/// Results of calls by what they move.
struct CallBytes {
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0
    var fromProcesses: UInt64 = 0
    var toProcesses: UInt64 = 0
    /// Calls that moved, or could have moved, payload.
    var operations: UInt64 = 0

    init(_ calls: some Sequence<(key: UInt32, value: CallFigures)>) {
        for (number, call) in calls {
            switch SyscallTrait.of(number).kind {
            case .read, .recvmmsg: bytesIn &+= call.bytes
            case .write, .sendmmsg: bytesOut &+= call.bytes
            case .vmRead: fromProcesses &+= call.bytes
            case .vmWrite: toProcesses &+= call.bytes
            default: continue
            }
            operations &+= call.count.less(call.errors)
        }
    }
}

extension UInt64 {
    /// The difference, or 0: figures of other people's recordings need not fit together.
    func less(_ part: UInt64) -> UInt64 { self > part ? self - part : 0 }
}

extension ProcessFigures {
    /// Dirtied in the page cache and not submitted by the process's own threads: the kernel's writeback sends it later.
    public var dmaOutDeferred: UInt64? { ledger.map { $0.dirtied.less($0.dmaOut) } }

    /// Copies that were meant to be avoided, the largest first.
    /// - Parameter file: only those of this fd, by its unique id.
    public func hiddenCopies(ofFile file: UInt64? = nil) -> [CopyFinding] {
        var sums: [HiddenFigures.Key: HiddenFigures] = [:]
        for (key, figures) in hidden
        where HiddenCopy(rawValue: key.code) != nil && (file == nil || key.file == file) {
            sums[.init(file: 0, operation: key.operation, code: key.code), default: HiddenFigures()] += figures
        }
        for (id, row) in files where row.ledger.zeroCopySent > 0 && (file == nil || id == file) {
            let sends = ZeroCopySends(row.ledger)
            guard sends.copied > 0 else { continue }
            let code = row.identity.zeroCopyReason.hiddenCopy
            let key = HiddenFigures.Key(
                file: 0, operation: Operation(code: row.identity.zeroCopyOperation), code: code.rawValue)
            sums[key, default: HiddenFigures()] += HiddenFigures(
                operations: sends.copiedOperations, bytes: sends.copied)
        }
        return sums.map { key, figures in
            let code = HiddenCopy(rawValue: key.code)!
            return CopyFinding(
                operation: key.operation.name, code: code.key, operations: figures.operations, bytes: figures.bytes,
                reason: code.reason, advice: code.advice)
        }.ranked()
    }

    /// No copies, but worth knowing.
    public func copyHints(ofFile file: UInt64? = nil) -> [CopyFinding] {
        var sums: [HiddenFigures.Key: HiddenFigures] = [:]
        for (key, figures) in hidden
        where CopyHint(rawValue: key.code) != nil && (file == nil || key.file == file) {
            sums[.init(file: 0, operation: key.operation, code: key.code), default: HiddenFigures()] += figures
        }
        return sums.map { key, figures in
            let code = CopyHint(rawValue: key.code)!
            return CopyFinding(
                operation: key.operation.name, code: code.key, operations: figures.operations, bytes: figures.bytes,
                reason: code.reason, advice: code.advice)
        }.ranked()
    }
}

extension [CopyFinding] {
    fileprivate func ranked() -> [CopyFinding] {
        sorted { ($1.bytes, $0.operation, $0.code) < ($0.bytes, $1.operation, $1.code) }
    }
}
