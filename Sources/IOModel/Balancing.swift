/// Counters that come in from several places and are handed out when they are above zero.
///
/// A counter on its way from a thread to its process can be missing from one reading: it has left the one and not yet arrived
/// in the other. It is below zero then, in two's complement, and what arrives makes up for that before anything is handed out.
public protocol Balancing: Accumulating {
    /// Goes below zero.
    static func -= (sum: inout Self, part: Self)
    /// Takes out what is above zero, and leaves what is below.
    mutating func takeCredit() -> Self
    /// Nothing is left, neither above nor below zero.
    var isSettled: Bool { get }
}

extension Balancing {
    public var isSettled: Bool { isZero }
}

extension UInt64 {
    /// See `Balancing`.
    mutating func takeCredit() -> UInt64 {
        guard Int64(bitPattern: self) > 0 else { return 0 }
        defer { self = 0 }
        return self
    }
}

extension Balancing where Self: CounterBlock {
    mutating func takeCounterCredit() -> Self {
        var credit = self
        credit.writeCounters { credit in
            writeCounters { counters in
                for index in counters.indices { credit[index] = counters[index].takeCredit() }
            }
        }
        return credit
    }
}

extension Totals: Balancing {
    public static func -= (sum: inout Totals, part: Totals) {
        sum.removeCounters(of: part)
        for index in sum.causes.indices { sum.causes[index] &-= part.causes[index] }
    }

    public mutating func takeCredit() -> Totals {
        var credit = takeCounterCredit()
        for index in causes.indices { credit.causes[index] = causes[index].takeCredit() }
        return credit
    }
}

extension LedgerFigures: Balancing {
    public static func -= (sum: inout LedgerFigures, part: LedgerFigures) { sum.removeCounters(of: part) }
    public mutating func takeCredit() -> LedgerFigures { takeCounterCredit() }
}

extension CallFigures: Balancing {
    public static func -= (sum: inout CallFigures, part: CallFigures) { sum.removeCounters(of: part) }
    public mutating func takeCredit() -> CallFigures { takeCounterCredit() }
}

extension ModelFigures: Balancing {
    public static func -= (sum: inout ModelFigures, part: ModelFigures) {
        sum.operations &-= part.operations
        sum.bytes &-= part.bytes
    }

    public mutating func takeCredit() -> ModelFigures {
        ModelFigures(operations: operations.takeCredit(), bytes: bytes.takeCredit())
    }
}

extension FileFigures: Balancing {
    public static func -= (sum: inout FileFigures, part: FileFigures) {
        sum.operations &-= part.operations
        sum.bytesIn &-= part.bytesIn
        sum.bytesOut &-= part.bytesOut
        sum.blocked &-= part.blocked
        sum.ledger -= part.ledger
        sum.again &-= part.again
        for index in sum.models.indices where index < part.models.count { sum.models[index] -= part.models[index] }
    }

    public mutating func takeCredit() -> FileFigures {
        var credit = FileFigures(
            identity: identity, operations: operations.takeCredit(), bytesIn: bytesIn.takeCredit(),
            bytesOut: bytesOut.takeCredit(), blocked: blocked.takeCredit(), opens: opens, ledger: ledger.takeCredit())
        credit.again = again.takeCredit()
        for index in models.indices { credit.models[index] = models[index].takeCredit() }
        return credit
    }

    public var isSettled: Bool { isZero && again == 0 && models.allSatisfy(\.isZero) }
}

extension ThreadCopies: Balancing {
    public static func -= (sum: inout ThreadCopies, part: ThreadCopies) {
        sum.bytesIn &-= part.bytesIn
        sum.bytesOut &-= part.bytesOut
        sum.fromProcesses &-= part.fromProcesses
        sum.toProcesses &-= part.toProcesses
        sum.ledger -= part.ledger
    }

    public mutating func takeCredit() -> ThreadCopies {
        ThreadCopies(
            bytesIn: bytesIn.takeCredit(), bytesOut: bytesOut.takeCredit(), fromProcesses: fromProcesses.takeCredit(),
            toProcesses: toProcesses.takeCredit(), ledger: ledger.takeCredit())
    }
}
