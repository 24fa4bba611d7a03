/// Bytes that went from one fd to another inside the kernel: sendfile, splice, tee, copy_file_range.
public struct PairFigures: Accumulating, Sendable, Equatable {
    public struct Key: Hashable, Sendable {
        /// Ids of the files, all openings of a regular file having the same; both 0 in the probes' row for many, and the highest number in the row of
        /// pairs that have been added up here.
        public var source: UInt64
        public var sink: UInt64

        public init(source: UInt64, sink: UInt64) {
            self.source = source
            self.sink = sink
        }

        public static let others = Key(source: .max, sink: .max)
    }

    /// nil for pairs that have been added up.
    public var source: FileIdentity?
    public var sink: FileIdentity?
    public var operations: UInt64
    public var bytes: UInt64
    public var kernelToKernel: UInt64
    /// Moved in a way that cannot be told.
    public var unknown: UInt64

    /// Moved by reference or by a device.
    public var avoided: UInt64 { bytes.less(kernelToKernel &+ unknown) }

    public init(
        source: FileIdentity? = nil, sink: FileIdentity? = nil, operations: UInt64 = 0, bytes: UInt64 = 0,
        kernelToKernel: UInt64 = 0, unknown: UInt64 = 0
    ) {
        self.source = source
        self.sink = sink
        self.operations = operations
        self.bytes = bytes
        self.kernelToKernel = kernelToKernel
        self.unknown = unknown
    }

    public static func += (sum: inout PairFigures, part: PairFigures) {
        sum.source = sum.source ?? part.source
        sum.sink = sum.sink ?? part.sink
        sum.operations &+= part.operations
        sum.bytes &+= part.bytes
        sum.kernelToKernel &+= part.kernelToKernel
        sum.unknown &+= part.unknown
    }

    public func since(_ earlier: PairFigures) -> PairFigures {
        PairFigures(
            source: source, sink: sink, operations: operations.since(earlier.operations),
            bytes: bytes.since(earlier.bytes), kernelToKernel: kernelToKernel.since(earlier.kernelToKernel),
            unknown: unknown.since(earlier.unknown))
    }

    public var isZero: Bool { operations == 0 }
}
