/// What is counted of one open fd.
public struct FileCounters: Accumulating, CounterBlock, Sendable, Equatable {
    public var operations: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    public var blocked: UInt64 = 0
    /// Operations with the result EAGAIN.
    public var again: UInt64 = 0
    public var ledger = LedgerFigures()
    /// Operations and bytes of one `ModelSlot` after the other. Not an array: a reading has them for each file.
    private var modelCounters: (Seven, Seven, Seven, Seven) = (noSeven, noSeven, noSeven, noSeven)
    private typealias Seven = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
    private static let noSeven: Seven = (0, 0, 0, 0, 0, 0, 0)

    public init() {}

    /// The ledger and the models are the list.
    public static let fields: [any WritableKeyPath<FileCounters, UInt64> & Sendable] = [
        \.operations, \.bytesIn, \.bytesOut, \.blocked, \.again,
    ]

    public static let counterCount = 5
    public static let listCount = LedgerFigures.counterCount + modelCount
    private static let modelCount = 28
    private static let firstOfModels = counterCount + LedgerFigures.counterCount

    /// By `ModelSlot`.
    public var models: [ModelFigures] {
        get { ModelSlot.allCases.map { self[$0] } }
        set {
            for slot in ModelSlot.allCases {
                self[slot] = slot.rawValue < newValue.count ? newValue[slot.rawValue] : ModelFigures()
            }
        }
    }

    public subscript(slot: ModelSlot) -> ModelFigures {
        get {
            readAll { all in
                let place = Self.firstOfModels + 2 * slot.rawValue
                return ModelFigures(operations: all[place], bytes: all[place + 1])
            }
        }
        set {
            writeAll { all in
                let place = Self.firstOfModels + 2 * slot.rawValue
                (all[place], all[place + 1]) = (newValue.operations, newValue.bytes)
            }
        }
    }

    /// The counters of the models: operations and bytes by turns.
    public func readModels<Result>(_ body: (UnsafeBufferPointer<UInt64>) -> Result) -> Result {
        readAll { body(UnsafeBufferPointer(rebasing: $0[Self.firstOfModels...])) }
    }

    /// Takes over the counters of the models that lie in memory as the probes have them.
    public mutating func copyModels(from bytes: UnsafeRawBufferPointer) {
        writeAll { all in
            UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: all[Self.firstOfModels...]))
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<(8 * Self.modelCount)]))
        }
    }

    public static func == (one: FileCounters, other: FileCounters) -> Bool {
        one.readAll { one in other.readAll { one.elementsEqual($0) } }
    }

    /// Nothing was moved, nor slept for.
    public var isZero: Bool {
        operations | bytesIn | bytesOut | blocked == 0 && ledger.isZero
    }
}
