/// Items in a row, ` · ` between them, that go on in a new line when the width is used up.
struct Flow {
    typealias Item = [TextRun]

    var items: [Item]
    var indent = 0
    /// Of the lines after the first.
    var hanging = 2

    func lines(width: Int) -> [Line] {
        var lines: [Line] = []
        var line = Line([TextRun(String(repeating: " ", count: indent))])
        var isFirst = true
        for item in items {
            let columns = Line(item).columns
            if !isFirst && line.columns + 3 + columns > width {
                lines.append(line)
                line = Line([TextRun(String(repeating: " ", count: hanging))])
                isFirst = true
            }
            if !isFirst { line.runs.append(TextRun(" · ", .dim)) }
            line.runs += item
            isFirst = false
        }
        lines.append(line)
        return lines
    }
}

/// Words in lines, for sentences that must be read to their end: nothing is cut off, a word too long for a line is broken.
enum Paragraph {
    static func lines(_ text: String, lead: TextRun, style: Style, width: Int) -> [Line] {
        let room = max(8, width - lead.columns)
        var rows: [String] = []
        var row = ""
        for word in Sanitized(text).text.split(separator: " ").map(String.init) {
            var word = word
            if !row.isEmpty && DisplayWidth.of(row) + 1 + DisplayWidth.of(word) > room {
                rows.append(row)
                row = ""
            }
            while DisplayWidth.of(word) > room {
                let part = word.prefix(columns: room)
                rows.append(part)
                word = String(word.dropFirst(part.count))
            }
            row += (row.isEmpty ? "" : " ") + word
        }
        rows.append(row)
        return rows.enumerated().map { index, text in
            let start = index == 0 ? lead : TextRun(String(repeating: " ", count: lead.columns))
            return Line([start, TextRun(text, style)])
        }
    }
}
