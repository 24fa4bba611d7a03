/// One row of `models`: what fell under one rule, with its share and with the evidence in words.
public struct ModelRow: Sendable, Equatable {
    public var rule: ModelRule
    public var subModel: String?
    /// With the waits.
    public var operations: UInt64
    /// Of the operations: calls that waited.
    public var waits: UInt64
    public var bytes: UInt64
    /// Of the operations and bytes of all wait models, or of all copy paths; nil where there are none.
    public var operationShare: Double?
    public var byteShare: Double?
    public var evidence: String
    /// Of `bytes`: what may decide. Mappings of the program's own files do not.
    public var decidingBytes: UInt64
    /// It may put its model among the tags.
    public var decides: Bool

    /// A wait model's name, or `zero-copy`.
    public var model: String { rule.model }
}
