/// Text from outside (names, paths, arguments) as a terminal may have it: whatever would move the cursor, turn the reading
/// direction or not be seen at all is spelled out, so that a hostile name can only look strange.
///
/// ASCII controls become `\xHH`, everything else `\u{HHHH}`; a byte that was not UTF-8 is `\xHH` already (`decodeName`).
/// A backslash of the name's own stays as it is: paths must remain fit to be copied.
struct Sanitized {
    let text: String

    init(_ raw: String) {
        guard !raw.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
            text = raw
            return
        }
        var safe = String.UnicodeScalarView()
        for cluster in raw {
            for (index, scalar) in cluster.unicodeScalars.enumerated() {
                if Self.isPrintable(scalar) && index < Self.longestCluster {
                    safe.append(scalar)
                } else {
                    safe.append(contentsOf: Self.escape(scalar).unicodeScalars)
                }
            }
        }
        text = String(safe)
    }

    /// More scalars than any real character has; marks heaped beyond it would cover the neighbouring lines.
    private static let longestCluster = 16

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\u{200C}", "\u{200D}": return true  // Joiners: scripts and emoji sequences are wrong without them.
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: return false
        case .format: return false  // All bidi controls, zero-width spaces, the byte order mark.
        default: return true
        }
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        func padded(_ count: Int) -> String { String(repeating: "0", count: max(0, count - digits.count)) + digits }
        return scalar.isASCII ? "\\x\(padded(2))" : "\\u{\(padded(4))}"
    }
}
