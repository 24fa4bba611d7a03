/// A piece of a YAML document, with the line that it begins on.
struct YAMLNode {
    enum Content {
        case scalar(String)
        case sequence([YAMLNode])
        case mapping([(key: YAMLNode, value: YAMLNode)])
    }

    var content: Content
    /// From 1.
    var line: Int

    var kind: String {
        switch content {
        case .scalar: "a value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// Why a policy cannot be used, and where.
public struct PolicyError: Error, Equatable, CustomStringConvertible, Sendable {
    public var message: String
    /// From 1; nil when the whole file is meant.
    public var line: Int?
    public var description: String { line.map { "line \($0): \(message)" } ?? message }
}
