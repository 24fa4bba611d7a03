/// Samples of the CPU clock, and where they found the instruction pointer.
public struct SampleFigures: Accumulating, Sendable, Equatable {
    /// The key of samples outside any system call.
    public static let noCall = UInt32.max

    public var samples: UInt64
    /// In a routine of the kernel that copies payload.
    public var copying: UInt64
    /// In a routine that fills memory with zeros.
    public var zeroing: UInt64

    public init(samples: UInt64 = 0, copying: UInt64 = 0, zeroing: UInt64 = 0) {
        self.samples = samples
        self.copying = copying
        self.zeroing = zeroing
    }

    public static func += (sum: inout SampleFigures, part: SampleFigures) {
        sum.samples &+= part.samples
        sum.copying &+= part.copying
        sum.zeroing &+= part.zeroing
    }

    public func since(_ earlier: SampleFigures) -> SampleFigures {
        SampleFigures(
            samples: samples.since(earlier.samples), copying: copying.since(earlier.copying),
            zeroing: zeroing.since(earlier.zeroing))
    }

    public var isZero: Bool { samples == 0 }

    /// The share of CPU time in copy routines; nil without a sample.
    public var copyShare: SampledShare? { SampledShare(hits: min(copying, samples), samples: samples) }
}

/// A share known from samples, with its 95 % interval.
///
/// The interval is Wilson's (Wilson 1927, JASA 22:209), which stays sensible for few samples and for shares near 0 and 1.
public struct SampledShare: Sendable, Equatable {
    public var value: Double
    public var low: Double
    public var high: Double
    public var samples: UInt64

    /// nil without a sample.
    public init?(hits: UInt64, samples: UInt64) {
        guard samples > 0, hits <= samples else { return nil }
        let z = 1.959964
        let n = Double(samples)
        let share = Double(hits) / n
        let middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        let half = z * ((share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()) / (1 + z * z / n)
        value = share
        low = hits == 0 ? 0 : max(0, middle - half)
        high = hits == samples ? 1 : min(1, middle + half)
        self.samples = samples
    }
}
