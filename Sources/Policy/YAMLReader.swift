internal import CLibYAML

/// Reads the YAML that policies need: scalars, lists and mappings, in one document.
///
/// Works on libyaml's events, which name the line of everything. Aliases are refused where they are met, so nothing is ever
/// expanded; depth and size are bounded.
struct YAMLReader: ~Copyable {
    static let maximumBytes = 4 << 20
    private static let maximumDepth = 16
    private static let maximumNodes = 400_000

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>
    /// There was memory for it.
    private let hasParser: Bool
    private var event = yaml_event_t()
    private var nodes = 0

    private init(_ bytes: [UInt8]) {
        parser = .allocate(capacity: 1)
        // libyaml keeps the pointer while it parses.
        input = .allocate(capacity: max(bytes.count, 1))
        _ = input.update(fromContentsOf: bytes)
        hasParser = yaml_parser_initialize(parser) == 1
        if hasParser { yaml_parser_set_input_string(parser, input.baseAddress, bytes.count) }
    }

    deinit {
        if hasParser { yaml_parser_delete(parser) }
        parser.deallocate()
        input.deallocate()
    }

    /// nil: the document is empty.
    static func document(_ bytes: [UInt8]) throws(PolicyError) -> YAMLNode? {
        guard bytes.count <= maximumBytes else {
            throw PolicyError(message: "a policy is at most \(maximumBytes >> 20) MiB long")
        }
        var reader = YAMLReader(bytes)
        guard reader.hasParser else { throw PolicyError(message: "there is no memory for the parser") }
        return try reader.document()
    }

    private mutating func document() throws(PolicyError) -> YAMLNode? {
        try next()  // the stream's start
        try next()
        guard event.type == YAML_DOCUMENT_START_EVENT else { return nil }
        try next()
        let root = try node(depth: 0)
        try next()  // the document's end
        try next()
        guard event.type == YAML_STREAM_END_EVENT else {
            throw failure("a policy is one document, and here is another")
        }
        yaml_event_delete(&event)
        return root
    }

    /// Takes the place of the current event.
    private mutating func next() throws(PolicyError) {
        yaml_event_delete(&event)
        guard yaml_parser_parse(parser, &event) == 1 else { throw problem() }
    }

    private func problem() -> PolicyError {
        let state = parser.pointee
        let what = state.problem.map { String(cString: $0) } ?? "there is no memory"
        if state.error == YAML_READER_ERROR {  // before anything has a line
            let before = input[..<min(Int(state.problem_offset), input.count)]
            return PolicyError(message: "not text: \(what)", line: 1 + before.count { $0 == UInt8(ascii: "\n") })
        }
        let context = state.context.map { " \(String(cString: $0))" } ?? ""
        return PolicyError(message: "not YAML: \(what)\(context)", line: Int(state.problem_mark.line) + 1)
    }

    private var line: Int { Int(event.start_mark.line) + 1 }

    private func failure(_ message: String) -> PolicyError { PolicyError(message: message, line: line) }

    /// The node that the current event begins; afterwards the current event is its last.
    private mutating func node(depth: Int) throws(PolicyError) -> YAMLNode {
        let line = line
        nodes += 1
        guard nodes <= Self.maximumNodes else { throw failure("the policy has too many parts") }
        guard depth < Self.maximumDepth else { throw failure("nested too deep") }
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            guard scalar.tag == nil else { throw failure("tags have no meaning in a policy") }
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return YAMLNode(content: .scalar(String(decoding: bytes, as: UTF8.self)), line: line)
        case YAML_SEQUENCE_START_EVENT:
            guard event.data.sequence_start.tag == nil else { throw failure("tags have no meaning in a policy") }
            var items: [YAMLNode] = []
            try next()
            while event.type != YAML_SEQUENCE_END_EVENT {
                items.append(try node(depth: depth + 1))
                try next()
            }
            return YAMLNode(content: .sequence(items), line: line)
        case YAML_MAPPING_START_EVENT:
            guard event.data.mapping_start.tag == nil else { throw failure("tags have no meaning in a policy") }
            var members: [(key: YAMLNode, value: YAMLNode)] = []
            try next()
            while event.type != YAML_MAPPING_END_EVENT {
                let key = try node(depth: depth + 1)
                try next()
                members.append((key, try node(depth: depth + 1)))
                try next()
            }
            return YAMLNode(content: .mapping(members), line: line)
        case YAML_ALIAS_EVENT: throw failure("aliases are not expanded in a policy: write the value out")
        default: throw failure("a value is missing")
        }
    }
}
