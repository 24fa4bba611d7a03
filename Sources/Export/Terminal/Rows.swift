/// How many rows a width is worth, and what becomes of the others.
struct Rows<Row> {
    let shown: [Row]
    /// To be added up in one line.
    let rest: [Row]

    /// - Parameter limit: rows shown. One row more is shown too: it needs no more room than the line that stood for it.
    init(_ ranked: [Row], limit: Int) {
        let count = ranked.count <= limit + 1 ? ranked.count : limit
        shown = Array(ranked[..<count])
        rest = Array(ranked[count...])
    }
}

enum RowLimit {
    /// 8 rows at 80 columns, 16 at 160: a wide terminal is a tall one, mostly.
    static func table(width: Int) -> Int { min(max(width / 10, 4), 32) }

    /// 5 causes at 80 columns, 10 at 160, all from 208 on.
    static func causes(width: Int) -> Int { min(max(width / 16, 3), 13) }
}
