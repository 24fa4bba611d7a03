/// Counters that lie in memory one after the other, from the start of their struct on, in the order of `fields`. A reading
/// has many of them for each thread and fd, and by key paths going over them would take most of the collector's time.
public protocol CounterBlock {
    static var fields: [any WritableKeyPath<Self, UInt64> & Sendable] { get }
    /// How many there are: `fields.count`, without a look at the array.
    static var counterCount: Int { get }
    /// Counters behind those, that have numbers instead of names. Sums and differences have them, too.
    static var listCount: Int { get }
}

extension CounterBlock {
    public static var listCount: Int { 0 }
}

extension CounterBlock {
    /// The counters in the order of `fields`.
    @inlinable @inline(__always)
    public func readCounters<Result>(_ body: (UnsafeBufferPointer<UInt64>) -> Result) -> Result {
        withUnsafeBytes(of: self) { bytes in
            body(UnsafeBufferPointer(rebasing: bytes.assumingMemoryBound(to: UInt64.self)[..<Self.counterCount]))
        }
    }

    /// The counters that have numbers.
    public func readList<Result>(_ body: (UnsafeBufferPointer<UInt64>) -> Result) -> Result {
        readAll { body(UnsafeBufferPointer(rebasing: $0[Self.counterCount...])) }
    }

    /// The counters and the list.
    @inline(__always)
    func readAll<Result>(_ body: (UnsafeBufferPointer<UInt64>) -> Result) -> Result {
        withUnsafeBytes(of: self) { bytes in
            body(
                UnsafeBufferPointer(
                    start: bytes.baseAddress!.assumingMemoryBound(to: UInt64.self),
                    count: Self.counterCount + Self.listCount))
        }
    }

    @inline(__always)
    mutating func writeAll<Result>(_ body: (UnsafeMutableBufferPointer<UInt64>) -> Result) -> Result {
        withUnsafeMutableBytes(of: &self) { bytes in
            body(
                UnsafeMutableBufferPointer(
                    start: bytes.baseAddress!.assumingMemoryBound(to: UInt64.self),
                    count: Self.counterCount + Self.listCount))
        }
    }

    /// The counters in the order of `fields`.
    public var counters: [UInt64] { readCounters { Array($0) } }

    /// Takes over counters that lie in memory as the probes have them: in the order of `fields`, and the list after them.
    public mutating func copyCounters(from bytes: UnsafeRawBufferPointer) {
        withUnsafeMutableBytes(of: &self) { own in
            own.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[..<(8 * (Self.counterCount + Self.listCount))]))
        }
    }

    /// Adds the counters of `part`, and of nothing else that the struct may have.
    mutating func addCounters(of part: Self) {
        part.readAll { part in
            writeAll { sum in for index in 0..<sum.count { sum[index] &+= part[index] } }
        }
    }

    /// Every counter is.
    var areCountersZero: Bool {
        readAll { counters in
            var bits: UInt64 = 0
            for counter in counters { bits |= counter }
            return bits == 0
        }
    }

    /// The opposite of `addCounters`.
    mutating func removeCounters(of part: Self) {
        part.readAll { part in
            writeAll { sum in for index in 0..<sum.count { sum[index] &-= part[index] } }
        }
    }

    /// Leaves what has been added since `earlier`: see `Accumulating.since`.
    mutating func subtractCounters(of earlier: Self) {
        earlier.readAll { earlier in
            writeAll { later in
                for index in 0..<later.count { later[index] = later[index].since(earlier[index]) }
            }
        }
    }
}
