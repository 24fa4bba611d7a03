/// Counters without those that are zero, which most are. The collector keeps what it last read of each thread and file, and
/// there may be tens of thousands.
public struct PackedCounters: Sendable, Equatable {
    /// A bit for each counter that is not zero, and these.
    private var words: [UInt64]

    private static let bits = 64
    private static let maskCount = 2

    /// All are zero.
    public static let none = PackedCounters(words: [UInt64](repeating: 0, count: maskCount))

    private init(words: [UInt64]) { self.words = words }

    /// Of a thread.
    public init(_ totals: Totals, _ ledger: LedgerFigures) {
        self = totals.readAll { totals in ledger.readAll { ledger in PackedCounters(totals, ledger) } }
    }

    /// Of a file.
    public init(_ file: FileFigures) {
        self = file.counters.readAll { PackedCounters($0, UnsafeBufferPointer(start: nil, count: 0)) }
    }

    private init(_ first: UnsafeBufferPointer<UInt64>, _ second: UnsafeBufferPointer<UInt64>) {
        var used = Self.maskCount
        for counter in first where counter != 0 { used += 1 }
        for counter in second where counter != 0 { used += 1 }
        words = [UInt64](unsafeUninitializedCapacity: used) { words, count in
            words[0..<Self.maskCount].initialize(repeating: 0)
            count = Self.maskCount
            for (counters, start) in [(first, 0), (second, first.count)] {
                for index in 0..<counters.count where counters[index] != 0 {
                    let position = start + index
                    words[position / Self.bits] |= 1 << UInt64(position % Self.bits)
                    words.initializeElement(at: count, to: counters[index])
                    count += 1
                }
            }
        }
    }

    /// Takes a thread's counters off others.
    public func subtract(from totals: inout Totals, _ ledger: inout LedgerFigures) {
        totals.writeAll { totals in ledger.writeAll { ledger in subtract(from: totals, ledger) } }
    }

    /// Takes a file's counters off others.
    public func subtract(from file: inout FileFigures) {
        file.counters.writeAll { subtract(from: $0, UnsafeMutableBufferPointer(start: nil, count: 0)) }
    }

    private func subtract(from first: UnsafeMutableBufferPointer<UInt64>, _ second: UnsafeMutableBufferPointer<UInt64>)
    {
        var next = Self.maskCount
        for mask in 0..<Self.maskCount {
            var left = words[mask]
            while left != 0 {
                let position = mask * Self.bits + left.trailingZeroBitCount
                if position < first.count {
                    first[position] &-= words[next]
                } else {
                    second[position - first.count] &-= words[next]
                }
                left &= left - 1
                next += 1
            }
        }
    }
}
