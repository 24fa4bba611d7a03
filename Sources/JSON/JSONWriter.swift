extension JSONValue {
    /// UTF-8 bytes.
    /// - Parameter indent: spaces per level, or nil for one line without spaces.
    public func encoded(indent: Int? = nil) -> [UInt8] {
        var out: [UInt8] = []
        write(to: &out, indent: indent, level: 0)
        return out
    }

    private func write(to out: inout [UInt8], indent: Int?, level: Int) {
        switch self {
        case .null: out += "null".utf8
        case .bool(let value): out += (value ? "true" : "false").utf8
        case .integer(let value): out += String(value).utf8
        case .unsigned(let value): out += String(value).utf8
        case .number(let value): out += (value.isFinite ? "\(value)" : "null").utf8
        case .string(let value): Self.write(value, to: &out)
        case .array(let values):
            Self.write(values, open: "[", close: "]", to: &out, indent: indent, level: level) { value, out in
                value.write(to: &out, indent: indent, level: level + 1)
            }
        case .object(let members):
            Self.write(members, open: "{", close: "}", to: &out, indent: indent, level: level) { member, out in
                Self.write(member.key, to: &out)
                out += (indent == nil ? ":" : ": ").utf8
                member.value.write(to: &out, indent: indent, level: level + 1)
            }
        }
    }

    private static func write<Element>(
        _ elements: [Element], open: String, close: String, to out: inout [UInt8], indent: Int?, level: Int,
        each: (Element, inout [UInt8]) -> Void
    ) {
        out += open.utf8
        for (index, element) in elements.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            newline(indent, level + 1, &out)
            each(element, &out)
        }
        if !elements.isEmpty { newline(indent, level, &out) }
        out += close.utf8
    }

    private static func newline(_ indent: Int?, _ level: Int, _ out: inout [UInt8]) {
        guard let indent else { return }
        out.append(UInt8(ascii: "\n"))
        out += repeatElement(UInt8(ascii: " "), count: indent * level)
    }

    /// RFC 8259 section 7: quotes, backslashes and control characters must be escaped. DEL and the C1 controls are escaped
    /// too, so that a document shown on a terminal cannot steer it.
    private static func write(_ string: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for scalar in string.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5C:
                out.append(UInt8(ascii: "\\"))
                out.append(UInt8(scalar.value))
            case 0x0A: out += "\\n".utf8
            case 0x09: out += "\\t".utf8
            case 0..<0x20, 0x7F..<0xA0:
                let hex = String(scalar.value, radix: 16)
                out += ("\\u" + String(repeating: "0", count: 4 - hex.count) + hex).utf8
            default: out += UTF8.encode(scalar)!
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}
