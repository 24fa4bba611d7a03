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

    /// The counters and the list, which may also be written.
    @inlinable @inline(__always)
    public func readAll<Result>(_ body: (UnsafeBufferPointer<UInt64>) -> Result) -> Result {
        withUnsafeBytes(of: self) { bytes in
            body(
                UnsafeBufferPointer(
                    start: bytes.baseAddress!.assumingMemoryBound(to: UInt64.self),
                    count: Self.counterCount + Self.listCount))
        }
    }

    @inlinable @inline(__always)
    public mutating func writeAll<Result>(_ body: (UnsafeMutableBufferPointer<UInt64>) -> Result) -> Result {
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

    @inlinable
    public var areCountersZero: Bool {
        readAll { counters in
            var bits: UInt64 = 0
            for counter in counters { bits |= counter }
            return bits == 0
        }
    }
}

/// Types whose counters are all that is added. They are for each thread and file of a reading, so what uses them from another
/// module has to see what it does.
extension Accumulating where Self: CounterBlock {
    @inlinable
    public static func += (sum: inout Self, part: Self) {
        part.readAll { part in
            sum.writeAll { sum in for index in 0..<sum.count { sum[index] &+= part[index] } }
        }
    }

    @inlinable
    public func since(_ earlier: Self) -> Self {
        var difference = self
        earlier.readAll { earlier in
            difference.writeAll { later in
                for index in 0..<later.count { later[index] = later[index].since(earlier[index]) }
            }
        }
        return difference
    }

    @inlinable public var isZero: Bool { areCountersZero }
}
