/// The system calls of a thread without the counters that are zero, as `PackedCounters` are.
public struct PackedCalls: Sendable {
    /// For each call its number, with a bit above it for each counter that is not zero, and these.
    private var words: [UInt64] = []

    private static let maskShift: UInt64 = 32

    public init() {}

    public init(_ calls: [(key: UInt32, value: CallFigures)]) { replace(by: calls) { _, _ in } }

    /// Takes over the calls as they are now, and hands over how each of them differs from what it was, where it does. Calls
    /// keep their places from one reading to the next; where another one is in its place, the earlier one has gone.
    public mutating func replace(
        by latest: [(key: UInt32, value: CallFigures)], _ changed: (UInt32, CallFigures) -> Void
    ) {
        let earlier = words
        words = []
        words.reserveCapacity(max(earlier.count, 4 * latest.count))
        var next = 0
        for (number, call) in latest {
            var added = call
            if let (known, before) = Self.unpack(earlier, at: &next) {
                if known == number {
                    added -= before
                } else {
                    changed(known, CallFigures().without(before))
                }
            }
            if !added.isZero { changed(number, added) }
            pack(number, call)
        }
        while let (known, before) = Self.unpack(earlier, at: &next) { changed(known, CallFigures().without(before)) }
    }

    public var unpacked: [(key: UInt32, value: CallFigures)] {
        var next = 0
        var calls: [(key: UInt32, value: CallFigures)] = []
        while let call = Self.unpack(words, at: &next) { calls.append(call) }
        return calls
    }

    private mutating func pack(_ number: UInt32, _ call: CallFigures) {
        let head = words.count
        words.append(UInt64(number))
        call.readAll { counters in
            for index in 0..<counters.count where counters[index] != 0 {
                words[head] |= 1 << (Self.maskShift + UInt64(index))
                words.append(counters[index])
            }
        }
    }

    private static func unpack(_ words: [UInt64], at next: inout Int) -> (key: UInt32, value: CallFigures)? {
        guard next < words.count else { return nil }
        let head = words[next]
        next += 1
        var call = CallFigures()
        call.writeAll { counters in
            for index in 0..<counters.count where head & 1 << (maskShift + UInt64(index)) != 0 {
                counters[index] = words[next]
                next += 1
            }
        }
        return (UInt32(truncatingIfNeeded: head), call)
    }
}

extension CallFigures {
    fileprivate func without(_ part: CallFigures) -> CallFigures {
        var rest = self
        rest -= part
        return rest
    }
}
