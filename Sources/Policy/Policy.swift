public import IOModel

/// A policy file: named claims, with their scopes, limits and reasons (docs/verify.md, docs/schema/policy-1.schema.json).
public enum Policy {
    public static let maximumClaims = 10_000
    public static let maximumBytes = YAMLReader.maximumBytes

    /// - Throws: what is wrong, and on which line: every key must be known, and every value must be one that its key takes.
    public static func claims(from bytes: [UInt8]) throws(PolicyError) -> [Claim] {
        guard let root = try YAMLReader.document(bytes) else { throw PolicyError(message: "the policy is empty") }
        let top = try Members(root, of: "the policy", keys: ["version", "claims"])
        let version = try top.required("version").text("version")
        guard version == "1" else {
            throw PolicyError(message: "version \(version): this iotrace knows version 1", line: top["version"]?.line)
        }
        let list = try top.required("claims")
        guard case .sequence(let items) = list.content else {
            throw PolicyError(message: "claims must be a list, not \(list.kind)", line: list.line)
        }
        guard !items.isEmpty else { throw PolicyError(message: "claims is empty", line: list.line) }
        guard items.count <= maximumClaims else {
            throw PolicyError(
                message: "\(items.count) claims: there may be \(maximumClaims)", line: items[maximumClaims].line)
        }
        var lines: [String: Int] = [:]
        var claims: [Claim] = []
        for item in items {
            var claim = try claim(item)
            claim.line = item.line
            if let earlier = lines.updateValue(item.line, forKey: claim.name) {
                throw PolicyError(
                    message: "the name \(quoted(claim.name)) is taken by the claim on line \(earlier)", line: item.line)
            }
            claims.append(claim)
        }
        return claims
    }

    private static let scopeKeys = ["process", "fd-type", "path"]
    private static let kindKeys = [
        "zero-copy", "max-amplification", "max-copied", "model", "no-model", "max-blocked", "max-switches-per-op",
        "max-syscalls-per-mib", "no-hidden-copies", "no-finding", "min-payload",
    ]

    private static func claim(_ node: YAMLNode) throws(PolicyError) -> Claim {
        let members = try Members(
            node, of: "a claim", keys: ["name", "reason", "allow-copied-below"] + scopeKeys + kindKeys)
        let name = try members.required("name").text("name")
        let given = kindKeys.filter { members[$0] != nil }
        guard given.count == 1, let key = given.first, let value = members[key] else {
            throw PolicyError(
                message: given.isEmpty
                    ? "claim \(quoted(name)) claims nothing: give one of \(kindKeys.joined(separator: ", "))"
                    : "claim \(quoted(name)) has \(given.joined(separator: " and ")): one claim each",
                line: given.count > 1 ? members[given[1]]?.line : node.line)
        }
        if let allowance = members["allow-copied-below"], key != "zero-copy" {
            throw PolicyError(message: "allow-copied-below belongs to zero-copy", line: allowance.line)
        }
        return Claim(
            name: name, try kind(key, value, members), scope: try scope(members),
            reason: try members["reason"].map { node throws(PolicyError) in try node.text("reason") })
    }

    private static func kind(_ key: String, _ value: YAMLNode, _ members: Members) throws(PolicyError) -> ClaimKind {
        switch key {
        case "zero-copy":
            try value.beTrue(key)
            guard let allowance = members["allow-copied-below"] else { return .zeroCopy(allowCopiedBelow: 0) }
            return .zeroCopy(allowCopiedBelow: try allowance.limit("allow-copied-below", Limits.bytes))
        case "no-hidden-copies":
            try value.beTrue(key)
            return .noHiddenCopies
        case "max-amplification": return .maxAmplification(try value.limit(key, Limits.number))
        case "max-copied": return .maxCopied(try value.limit(key, Limits.bytes))
        case "model": return try value.limit(key, Limits.model)
        case "no-model": return .noModel(try value.limit(key, Limits.modelName))
        case "max-blocked": return try value.limit(key, Limits.blocked)
        case "max-switches-per-op": return .maxSwitchesPerOperation(try value.limit(key, Limits.number))
        case "max-syscalls-per-mib": return .maxSyscallsPerMebibyte(try value.limit(key, Limits.number))
        case "no-finding": return try value.limit(key, Limits.finding)
        default: return .minPayload(try value.limit(key, Limits.bytes))
        }
    }

    private static func scope(_ members: Members) throws(PolicyError) -> Scope {
        var scope = Scope()
        for (text, _) in try members.list("process") { scope.processes.append(Pattern(text)) }
        for (text, _) in try members.list("path") { scope.paths.append(Pattern(text)) }
        for (text, line) in try members.list("fd-type") {
            guard let type = FileType(rawValue: text) else {
                let all = FileType.allCases.map(\.rawValue).joined(separator: ", ")
                throw PolicyError(message: "fd-type \(quoted(text)): the types are \(all)", line: line)
            }
            scope.fileTypes.append(type)
        }
        return scope
    }

    /// A piece of the policy in a message: not longer than a line.
    static func quoted(_ text: String) -> String {
        let short = text.count > 60 ? text.prefix(57) + "…" : text[...]
        return "\"\(short)\""
    }
}

/// The members of a mapping, all with known keys, each once.
struct Members {
    private var values: [String: YAMLNode] = [:]
    private let line: Int
    private let owner: String

    init(_ node: YAMLNode, of owner: String, keys: [String]) throws(PolicyError) {
        guard case .mapping(let members) = node.content else {
            throw PolicyError(message: "\(owner) must be a mapping, not \(node.kind)", line: node.line)
        }
        line = node.line
        self.owner = owner
        for (key, value) in members {
            guard case .scalar(let name) = key.content, keys.contains(name) else {
                let name = if case .scalar(let name) = key.content { Policy.quoted(name) } else { key.kind }
                throw PolicyError(
                    message: "unknown key \(name) in \(owner); it may have \(keys.joined(separator: ", "))",
                    line: key.line)
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw PolicyError(message: "\(name) is there twice", line: key.line)
            }
        }
    }

    subscript(key: String) -> YAMLNode? { values[key] }

    func required(_ key: String) throws(PolicyError) -> YAMLNode {
        guard let value = values[key] else { throw PolicyError(message: "\(owner) has no \(key)", line: line) }
        return value
    }

    /// A value, or a list of values, with their lines.
    func list(_ key: String) throws(PolicyError) -> [(String, Int)] {
        guard let node = values[key] else { return [] }
        guard case .sequence(let items) = node.content else { return [(try node.text(key), node.line)] }
        guard !items.isEmpty else { throw PolicyError(message: "\(key) is empty", line: node.line) }
        var texts: [(String, Int)] = []
        for item in items { texts.append((try item.text(key), item.line)) }
        return texts
    }
}

extension YAMLNode {
    func text(_ key: String) throws(PolicyError) -> String {
        guard case .scalar(let text) = content else {
            throw PolicyError(message: "\(key) must be a value, not \(kind)", line: line)
        }
        guard !text.isEmpty, text.utf8.count <= 4096, !text.utf8.contains(0) else {
            throw PolicyError(message: "\(key) must be a text of 1 to 4096 bytes", line: line)
        }
        return text
    }

    fileprivate func beTrue(_ key: String) throws(PolicyError) {
        let text = try text(key)
        guard text == "true" else {
            throw PolicyError(message: "\(key): it is claimed by true; leave it out otherwise", line: line)
        }
    }

    fileprivate func limit<Value>(_ key: String, _ parse: (String) throws(LimitError) -> Value) throws(PolicyError)
        -> Value
    {
        let text = try text(key)
        do { return try parse(text) } catch {
            throw PolicyError(message: "\(key) \(Policy.quoted(text)): \(error)", line: line)
        }
    }
}
