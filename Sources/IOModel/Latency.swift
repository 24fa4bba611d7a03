/// A latency histogram with four buckets to an octave, from 64 ns to 2^40 ns: a value is known to within 25 %.
///
/// The bounds are those of `bpf/include/latency.h`; a test holds the two together.
public struct Latency: Accumulating, Sendable, Equatable {
    /// Calls that were timed; the rest ran while entries were not being timed.
    public var calls: UInt64 = 0
    /// Entry to exit, nanoseconds, over the timed calls.
    public var total: UInt64 = 0
    /// The part of `total` that was neither blocked nor in a run queue.
    public var onCPU: UInt64 = 0
    public var maximum: UInt64 = 0
    /// Count by bucket index; only buckets that are not empty.
    public var buckets = LatencyBuckets()

    public static let firstOctave = 6
    public static let lastOctave = 40
    public static let bucketCount = 4 * (lastOctave - firstOctave) + 2

    public init() {}

    /// Upper bound (exclusive) of a bucket in nanoseconds; nil for the last one, which has none.
    public static func upperBound(of bucket: Int) -> UInt64? {
        if bucket <= 0 { return 1 << firstOctave }
        if bucket >= bucketCount - 1 { return nil }
        let octave = firstOctave + (bucket - 1) / 4
        let quarter = UInt64((bucket - 1) % 4)
        return (1 << octave) + (quarter + 1) << (octave - 2)
    }

    /// The value below which `share` of the timed calls are: the upper bound of the bucket it falls into, at most `maximum`.
    /// nil when no call was timed.
    public func percentile(_ share: Double) -> UInt64? {
        guard calls > 0 else { return nil }
        let rank = Swift.max(1, UInt64(exactly: (Double(calls) * share).rounded(.up)) ?? .max)
        var seen: UInt64 = 0
        for (bucket, count) in buckets {
            seen &+= count
            if seen >= rank { return Swift.min(Self.upperBound(of: bucket) ?? maximum, maximum) }
        }
        return maximum
    }

    public static func += (sum: inout Latency, part: Latency) {
        sum.calls &+= part.calls
        sum.total &+= part.total
        sum.onCPU &+= part.onCPU
        sum.maximum = max(sum.maximum, part.maximum)
        sum.buckets += part.buckets
    }

    /// The maximum of a difference is not known; the later maximum bounds it.
    public func since(_ earlier: Latency) -> Latency {
        var difference = Latency()
        difference.calls = calls.since(earlier.calls)
        difference.total = total.since(earlier.total)
        difference.onCPU = onCPU.since(earlier.onCPU)
        difference.maximum = difference.calls > 0 ? maximum : 0
        difference.buckets = buckets.since(earlier.buckets)
        return difference
    }

    public var isZero: Bool { calls == 0 }
}
