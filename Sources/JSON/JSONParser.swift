/// Why a text is not JSON, and where.
public struct JSONError: Error, Equatable, CustomStringConvertible {
    public var message: String
    /// Offset in bytes from the start of the text.
    public var offset: Int
    public var description: String { "\(message) at byte \(offset)" }
}

extension JSONValue {
    /// Nesting beyond this is refused, so that a hostile file cannot exhaust the stack.
    public static let maximumDepth = 128

    /// Parses one JSON text (RFC 8259), alone but for white space.
    public init(parsing bytes: some Collection<UInt8>) throws(JSONError) {
        var parser = JSONParser(bytes: Array(bytes))
        self = try parser.document()
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    var at = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        guard at == bytes.count else { throw error("text after the value") }
        return value
    }

    func error(_ message: String) -> JSONError { JSONError(message: message, offset: at) }

    var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
    }

    mutating func take(_ byte: Character) -> Bool {
        skipSpace()
        guard next == byte.asciiValue else { return false }
        at += 1
        return true
    }

    mutating func literal(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[at...].starts(with: word.utf8) else { throw error("unknown word") }
        at += word.utf8.count
        return value
    }

    mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < JSONValue.maximumDepth else { throw error("nested too deep") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", true)
        case UInt8(ascii: "f"): return try literal("false", false)
        case UInt8(ascii: "n"): return try literal("null", nil)
        case .some: return try number()
        case nil: throw error("unexpected end")
        }
    }

    mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        at += 1
        var members: [(key: String, value: JSONValue)] = []
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw error("expected a key") }
            let key = try string()
            guard take(":") else { throw error("expected a colon") }
            members.append((key, try value(depth: depth + 1)))
        } while take(",")
        guard take("}") else { throw error("expected , or }") }
        return .object(members)
    }

    mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        at += 1
        var values: [JSONValue] = []
        if take("]") { return .array(values) }
        repeat { values.append(try value(depth: depth + 1)) } while take(",")
        guard take("]") else { throw error("expected , or ]") }
        return .array(values)
    }

    mutating func digits() -> Int {
        let start = at
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { at += 1 }
        return at - start
    }

    mutating func number() throws(JSONError) -> JSONValue {
        let start = at
        var whole = true
        if next == UInt8(ascii: "-") { at += 1 }
        let leadingZero = next == UInt8(ascii: "0")
        let count = digits()
        guard count > 0, !(leadingZero && count > 1) else { throw error("not a number") }
        if next == UInt8(ascii: ".") {
            whole = false
            at += 1
            guard digits() > 0 else { throw error("not a number") }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            whole = false
            at += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { at += 1 }
            guard digits() > 0 else { throw error("not a number") }
        }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        if whole, let value = UInt64(text) { return .unsigned(value) }
        if whole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw error("number out of range") }
        return .number(value)
    }

    mutating func string() throws(JSONError) -> String {
        at += 1
        var text: [UInt8] = []
        while let byte = next {
            at += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw error("not UTF-8") }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw error("control character in a string")
            default: text.append(byte)
            }
        }
        throw error("string without an end")
    }

    mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard let byte = next else { throw error("string without an end") }
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if (0xD800..<0xDC00).contains(code) {
                guard bytes[at...].starts(with: "\\u".utf8) else { throw error("lone surrogate") }
                at += 2
                let low = try hexadecimal()
                guard (0xDC00..<0xE000).contains(low) else { throw error("lone surrogate") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("lone surrogate") }
            text += UTF8.encode(scalar)!
        default: throw error("unknown escape")
        }
    }

    mutating func hexadecimal() throws(JSONError) -> UInt32 {
        guard at + 4 <= bytes.count,
            bytes[at..<at + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let code = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
        else { throw error("expected four hexadecimal digits") }
        at += 4
        return code
    }
}
