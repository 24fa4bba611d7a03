/// Columns that text takes on a terminal: 0, 1 or 2 for each grapheme cluster.
///
/// Sources: Unicode's EastAsianWidth.txt (W and F are two columns, ambiguous is one, as terminals have it outside CJK
/// locales) and emoji-data.txt. A cluster is as wide as its scalars together, at most two: that is right for combining
/// marks, for Hangul in jamo and for emoji joined by ZWJ. Terminals that do not join such emoji show them wider.
enum DisplayWidth {
    static func of(_ text: String) -> Int {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
        return text.reduce(0) { $0 + of($1) }
    }

    static func of(_ cluster: Character) -> Int {
        if cluster.isASCII { return 1 }
        let scalars = cluster.unicodeScalars
        // U+FE0F asks for the emoji form of a character that is text by default: ❤️, 1️⃣.
        if scalars.first!.properties.isEmoji && scalars.contains("\u{FE0F}") { return 2 }
        return min(2, scalars.reduce(0) { $0 + of($1) })
    }

    private static func of(_ scalar: Unicode.Scalar) -> Int {
        if scalar.value < 0x300 { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: break
        }
        if joiningJamo.contains(where: { $0.contains(scalar.value) }) { return 0 }
        if scalar.properties.isEmojiPresentation { return 2 }
        return wide.contains { $0.contains(scalar.value) } ? 2 : 1
    }

    /// Hangul vowels and finals: they go into the syllable block that the leading consonant opened.
    private static let joiningJamo: [ClosedRange<UInt32>] = [0x1160...0x11FF, 0xD7B0...0xD7FF]

    /// East Asian Wide and Fullwidth, whole blocks where every assigned character is; emoji are told by their property.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F,  // Hangul leading consonants
        0x2329...0x232A,  // angle brackets
        0x2E80...0x303E,  // CJK radicals, ideographic description, CJK punctuation
        0x3041...0xA4CF,  // kana, bopomofo, Hangul compatibility jamo, enclosed CJK, ideographs, Yi
        0xA960...0xA97F,  // Hangul leading consonants, extended
        0xAC00...0xD7A3,  // Hangul syllables
        0xF900...0xFAFF,  // CJK compatibility ideographs
        0xFE10...0xFE19,  // vertical forms
        0xFE30...0xFE6F,  // CJK compatibility forms, small forms
        0xFF01...0xFF60,  // fullwidth ASCII
        0xFFE0...0xFFE6,  // fullwidth signs
        0x16FE0...0x18DFF,  // Tangut, Khitan
        0x1AFF0...0x1B2FF,  // kana extensions, Nushu
        0x1D300...0x1D37F,  // Tai Xuan Jing, counting rods
        0x1F200...0x1F2FF,  // enclosed ideographs
        0x20000...0x3FFFD,  // ideographic planes
    ]
}

extension String {
    /// The start of the text and `…`, when it is wider than `columns`.
    func cut(to columns: Int) -> String {
        if DisplayWidth.of(self) <= columns { return self }
        return columns < 1 ? "" : prefix(columns: columns - 1) + "…"
    }

    /// Start and end of the text with `…` between, when it is wider than `columns`. The end keeps more: a path's last part
    /// tells more than its first.
    func shortenedInMiddle(to columns: Int) -> String {
        if DisplayWidth.of(self) <= columns { return self }
        if columns < 1 { return "" }
        let head = prefix(columns: (columns - 1) * 2 / 5)
        let tail = String(String(reversed()).prefix(columns: columns - 1 - DisplayWidth.of(head)).reversed())
        return head + "…" + tail
    }

    /// As many whole clusters as fit.
    func prefix(columns: Int) -> String {
        var used = 0
        var end = startIndex
        while end < endIndex {
            used += DisplayWidth.of(self[end])
            if used > columns { break }
            end = index(after: end)
        }
        return String(self[..<end])
    }
}
