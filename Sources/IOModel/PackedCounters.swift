/// Counters without those that are zero, which most are. The collector keeps what it last read of each thread and file, and
/// there may be tens of thousands.
public struct PackedCounters: Sendable, Equatable {
    /// A bit for each counter that is not zero, and these.
    private var words: [UInt64]

    private static let bits = 64
    private static let maskCount = 2

    /// All are zero.
    public static let none = PackedCounters()

    private init() { words = [UInt64](repeating: 0, count: Self.maskCount) }

    /// Of a thread.
    public init(_ totals: Totals, _ ledger: LedgerFigures) {
        self.init()
        totals.readCounters { append($0, from: 0) }
        totals.causes.withUnsafeBufferPointer { append($0, from: Totals.counterCount) }
        ledger.readCounters { append($0, from: Totals.counterCount + totals.causes.count) }
    }

    /// Of a file.
    public init(_ file: FileFigures) {
        self.init()
        let own = [file.operations, file.bytesIn, file.bytesOut, file.blocked, file.again]
        own.withUnsafeBufferPointer { append($0, from: 0) }
        var position = own.count
        for model in file.models {
            append(model.operations, at: position)
            append(model.bytes, at: position + 1)
            position += 2
        }
        file.ledger.readCounters { append($0, from: position) }
    }

    /// Takes a thread's counters off others.
    public func subtract(from totals: inout Totals, _ ledger: inout LedgerFigures) {
        let (causes, ledgers) = (Totals.counterCount, Totals.counterCount + totals.causes.count)
        forEach { position, counter in
            if position < causes {
                totals.writeCounters { $0[position] &-= counter }
            } else if position < ledgers {
                totals.causes[position - causes] &-= counter
            } else {
                ledger.writeCounters { $0[position - ledgers] &-= counter }
            }
        }
    }

    /// Takes a file's counters off others.
    public func subtract(from file: inout FileFigures) {
        let models = 5
        let ledgers = models + 2 * file.models.count
        forEach { position, counter in
            switch position {
            case 0: file.operations &-= counter
            case 1: file.bytesIn &-= counter
            case 2: file.bytesOut &-= counter
            case 3: file.blocked &-= counter
            case 4: file.again &-= counter
            case ledgers...: file.ledger.writeCounters { $0[position - ledgers] &-= counter }
            default:
                let (model, isBytes) = (position - models).quotientAndRemainder(dividingBy: 2)
                if isBytes == 1 {
                    file.models[model].bytes &-= counter
                } else {
                    file.models[model].operations &-= counter
                }
            }
        }
    }

    private mutating func append(_ counters: UnsafeBufferPointer<UInt64>, from position: Int) {
        for (index, counter) in counters.enumerated() { append(counter, at: position + index) }
    }

    private mutating func append(_ counter: UInt64, at position: Int) {
        guard counter != 0 else { return }
        words[position / Self.bits] |= 1 << UInt64(position % Self.bits)
        words.append(counter)
    }

    private func forEach(_ body: (_ position: Int, _ counter: UInt64) -> Void) {
        var next = Self.maskCount
        for mask in 0..<Self.maskCount {
            var left = words[mask]
            while left != 0 {
                body(mask * Self.bits + left.trailingZeroBitCount, words[next])
                left &= left - 1
                next += 1
            }
        }
    }
}
