/// The system calls of a thread without the counters that are zero, as `PackedCounters` are.
public struct PackedCalls: Sendable {
    /// For each call its number, with a bit above it for each counter that is not zero, and these.
    private var words: [UInt64] = []

    private static let maskShift: UInt64 = 32

    public init() {}

    public init(_ calls: [(key: UInt32, value: CallFigures)]) {
        for (number, call) in calls {
            let head = words.count
            words.append(UInt64(number))
            call.readCounters { counters in
                for (index, counter) in counters.enumerated() where counter != 0 {
                    words[head] |= 1 << (Self.maskShift + UInt64(index))
                    words.append(counter)
                }
            }
        }
    }

    public var unpacked: [(key: UInt32, value: CallFigures)] {
        var calls: [(key: UInt32, value: CallFigures)] = []
        var next = 0
        while next < words.count {
            let head = words[next]
            next += 1
            var call = CallFigures()
            call.writeCounters { counters in
                for index in counters.indices where head & 1 << (Self.maskShift + UInt64(index)) != 0 {
                    counters[index] = words[next]
                    next += 1
                }
            }
            calls.append((UInt32(truncatingIfNeeded: head), call))
        }
        return calls
    }
}
