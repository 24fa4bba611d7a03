/// Text as XML 1.0 may have it.
enum XML {
    /// For an attribute in double quotes, or for text. White space that a parser would turn into blanks is kept by
    /// references; characters that XML 1.0 has no way to write (section 2.2: Char) become U+FFFD.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&apos;"
            case "\t", "\n", "\r": result += "&#\(scalar.value);"
            default: result.unicodeScalars.append(isAllowed(scalar) ? scalar : "\u{FFFD}")
            }
        }
        return result
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0xFFFE, 0xFFFF: false  // C1 controls are allowed but discouraged
        default: true
        }
    }
}

/// An element with its attributes, written out.
struct XMLElement {
    var name: String
    var attributes: [(name: String, value: String)] = []
    var children: [XMLElement] = []
    var text: String?

    func write(to out: inout String, level: Int = 0) {
        let indent = String(repeating: "  ", count: level)
        out += "\(indent)<\(name)"
        for (name, value) in attributes { out += " \(name)=\"\(XML.escaped(value))\"" }
        if let text {
            out += ">\(XML.escaped(text))</\(name)>\n"
        } else if children.isEmpty {
            out += "/>\n"
        } else {
            out += ">\n"
            for child in children { child.write(to: &out, level: level + 1) }
            out += "\(indent)</\(name)>\n"
        }
    }
}
