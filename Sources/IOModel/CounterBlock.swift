/// Counters that lie in memory one after the other, from the start of their struct on, in the order of `fields`. A reading
/// has many of them for each thread and fd, and by key paths going over them would take most of the collector's time.
public protocol CounterBlock {
    static var fields: [any WritableKeyPath<Self, UInt64> & Sendable] { get }
    /// How many there are: `fields.count`, without a look at the array.
    static var counterCount: Int { get }
}

extension CounterBlock {
    /// The counters in the order of `fields`.
    @inlinable @inline(__always)
    public func readCounters<Result>(_ body: (UnsafeBufferPointer<UInt64>) -> Result) -> Result {
        withUnsafeBytes(of: self) { bytes in
            body(UnsafeBufferPointer(rebasing: bytes.assumingMemoryBound(to: UInt64.self)[..<Self.counterCount]))
        }
    }

    @inline(__always)
    mutating func writeCounters<Result>(_ body: (UnsafeMutableBufferPointer<UInt64>) -> Result) -> Result {
        withUnsafeMutableBytes(of: &self) { bytes in
            body(UnsafeMutableBufferPointer(rebasing: bytes.assumingMemoryBound(to: UInt64.self)[..<Self.counterCount]))
        }
    }

    /// The counters in the order of `fields`.
    public var counters: [UInt64] { readCounters { Array($0) } }

    /// Takes over counters that lie in memory as the probes have them: in the order of `fields`.
    public mutating func copyCounters(from bytes: UnsafeRawBufferPointer) {
        withUnsafeMutableBytes(of: &self) { own in
            own.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<(8 * Self.counterCount)]))
        }
    }

    /// Adds the counters of `part`, and of nothing else that the struct may have.
    mutating func addCounters(of part: Self) {
        part.readCounters { part in
            writeCounters { sum in for index in sum.indices { sum[index] &+= part[index] } }
        }
    }

    /// The opposite of `addCounters`.
    mutating func removeCounters(of part: Self) {
        part.readCounters { part in
            writeCounters { sum in for index in sum.indices { sum[index] &-= part[index] } }
        }
    }

    /// Leaves what has been added since `earlier`: see `Accumulating.since`.
    mutating func subtractCounters(of earlier: Self) {
        earlier.readCounters { earlier in
            writeCounters { later in
                for index in later.indices { later[index] = later[index].since(earlier[index]) }
            }
        }
    }
}
