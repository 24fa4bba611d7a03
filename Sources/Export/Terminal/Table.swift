/// Columns under titles, as wide as what is in them. When they do not fit, the gaps close first, then the least needed
/// columns go; the one flexible column takes the room that is left.
struct Table {
    enum Alignment { case left, right }

    struct Column {
        var title: String
        var alignment = Alignment.right
        /// The column shrinks to this many columns, its text shortened in the middle. nil: it keeps its width.
        var shrinksTo: Int?
        /// Columns with the lowest rank go first. nil: it stays.
        var rank: Int?
    }

    var columns: [Column]
    /// One run for each column.
    var rows: [[TextRun]] = []
    var indent = 2

    func lines(width: Int) -> [Line] {
        let natural = columns.indices.map { index in
            rows.reduce(DisplayWidth.of(columns[index].title)) { max($0, $1[index].columns) }
        }
        let least = columns.indices.map { min(natural[$0], columns[$0].shrinksTo ?? natural[$0]) }
        // Wide gaps are nice as long as they do not cost the flexible column its text.
        let ample = columns.indices.map { min(natural[$0], 2 * (columns[$0].shrinksTo ?? natural[$0])) }
        var shown = Array(columns.indices)

        func needed(_ widths: [Int], gap: Int) -> Int {
            indent + shown.reduce(0) { $0 + widths[$1] } + gap * (shown.count - 1)
        }

        while needed(least, gap: 1) > width {
            let spare = shown.filter { columns[$0].rank != nil }
            guard let unneeded = spare.min(by: { columns[$0].rank! < columns[$1].rank! }) else { break }
            shown.removeAll { $0 == unneeded }
        }
        let gap = needed(ample, gap: 2) <= width ? 2 : 1
        var widths = least
        if let flexible = shown.first(where: { columns[$0].shrinksTo != nil }) {
            widths[flexible] = min(natural[flexible], max(4, least[flexible] + width - needed(least, gap: gap)))
        }

        let titles = columns.map { TextRun($0.title, .dim) }
        return ([titles] + rows).map { row in
            var line = Line([TextRun(String(repeating: " ", count: indent))])
            for (position, index) in shown.enumerated() {
                if position > 0 { line.runs.append(TextRun(String(repeating: " ", count: gap))) }
                let text = TextRun(row[index].text.shortenedInMiddle(to: widths[index]), row[index].style)
                let padding = TextRun(String(repeating: " ", count: max(0, widths[index] - text.columns)))
                line.runs += columns[index].alignment == .left ? [text, padding] : [padding, text]
            }
            return line
        }
    }
}
