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
    @inlinable
    mutating func takeCredit() -> UInt64 {
        guard Int64(bitPattern: self) > 0 else { return 0 }
        defer { self = 0 }
        return self
    }
}

extension Balancing where Self: CounterBlock {
    @inlinable
    public static func -= (sum: inout Self, part: Self) {
        part.readAll { part in
            sum.writeAll { sum in for index in 0..<sum.count { sum[index] &-= part[index] } }
        }
    }

    @inlinable
    public mutating func takeCredit() -> Self {
        var credit = self
        credit.writeAll { credit in
            writeAll { counters in
                for index in 0..<counters.count { credit[index] = counters[index].takeCredit() }
            }
        }
        return credit
    }
}

extension Totals: Balancing {}
extension LedgerFigures: Balancing {}
extension CallFigures: Balancing {}

extension FileCounters: Balancing {
    /// `isZero` leaves out what a row is not shown for.
    public var isSettled: Bool { areCountersZero }
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
