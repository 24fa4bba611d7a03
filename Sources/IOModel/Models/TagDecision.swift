/// A model's part of the operations and bytes that may decide, and so whether it is a tag.
public struct TagDecision: Sendable, Equatable {
    public var operations: UInt64 = 0
    public var bytes: UInt64 = 0
    /// Of all models, or of all copy paths.
    public var allOperations: UInt64 = 0
    public var allBytes: UInt64 = 0

    public var operationShare: Double? { Words.share(operations, of: allOperations) }
    public var byteShare: Double? { Words.share(bytes, of: allBytes) }

    public var isTag: Bool {
        max(operationShare ?? 0, byteShare ?? 0) >= ModelClassifier.threshold && !isIsolated
    }

    /// One small operation is an incident, and no way of doing I/O.
    public var isIsolated: Bool { operations == 1 && bytes < Self.page }

    private static let page: UInt64 = 4096
}
