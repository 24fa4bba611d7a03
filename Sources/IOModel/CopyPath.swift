/// The ways in which payload moves.
public enum CopyPath: String, CaseIterable, Sendable {
    /// The CPU copied it between user and kernel.
    case copied
    /// By reference.
    case zeroCopy = "zero-copy"
    /// A device moved it to or from the user's pages.
    case direct
    /// Page faults on a file mapping brought it.
    case mapped
    /// It was meant to avoid the copy, and the kernel copied all the same.
    case kernelCopied = "kernel-copied"
}

/// How much of a process's payload went one way, by operations and by the bytes that each of them moved.
public struct CopyPathFigures: Sendable, Equatable {
    public var path: CopyPath
    /// nil for mappings: pages are not operations.
    public var operations: UInt64?
    public var bytes: UInt64
    /// Of the bytes of all paths.
    public var share: Double

    /// Those that occur, in the order of `CopyPath`. Discarded and zero-filled bytes, and bytes whose way is not known, are
    /// in none. Empty when the figures come from a recording that has no ledger.
    public static func paths(of process: ProcessFigures) -> [CopyPathFigures] {
        guard let ledger = process.ledger, let copies = Copies(of: process) else { return [] }
        let sends = process.files.values.lazy.filter { $0.ledger.zeroCopySent > 0 }.map { ZeroCopySends($0.ledger) }
        let hidden = process.hiddenCopies().reduce(0) { $0 &+ $1.bytes }
        let plainCalls = CallBytes(process.calls).operations.less(ledger.callsElsewhere)
        let rows: [(CopyPath, UInt64?, UInt64)] = [
            (.copied, plainCalls &+ ledger.otherOperations, copies.copied.less(hidden)),
            (
                .zeroCopy, sends.reduce(ledger.zeroCopyOperations) { $0 &+ $1.avoidedOperations },
                copies.avoided.less(ledger.direct)
            ),
            (.direct, ledger.directOperations, ledger.direct),
            (.mapped, nil, ledger.mapped),
            (.kernelCopied, sends.reduce(ledger.kernelCopiedOperations) { $0 &+ $1.copiedOperations }, hidden),
        ]
        let total = rows.reduce(0) { $0 &+ $1.2 }
        return rows.filter { $0.2 > 0 }.map { path, operations, bytes in
            CopyPathFigures(path: path, operations: operations, bytes: bytes, share: Double(bytes) / Double(total))
        }
    }
}
