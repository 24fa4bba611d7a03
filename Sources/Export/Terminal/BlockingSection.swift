internal import IOModel

/// What the blocked time was spent waiting for, as bars: a full bar is all of it.
struct BlockingSection {
    let totals: Totals
    let width: Int

    var lines: [Line] {
        let causes = BlockingCause.allCases.map { (cause: $0, time: totals[$0]) }
            .filter { $0.time > 0 }
            .sorted { ($1.time, $0.cause.rawValue) < ($0.time, $1.cause.rawValue) }
        guard !causes.isEmpty else { return [] }
        let rows = Rows(causes, limit: RowLimit.causes(width: width))

        var table = Table(columns: [
            Table.Column(title: "blocked on", alignment: .left), Table.Column(title: "time"),
            Table.Column(title: "share"), Table.Column(title: "", alignment: .left),
        ])
        for (cause, time) in rows.shown { table.rows.append(row(cause.label, time, .plain)) }
        let rest = rows.rest.reduce(0) { $0 &+ $1.time }
        if !rows.rest.isEmpty { table.rows.append(row("… and \(rows.rest.count) more", rest, .dim)) }

        // The bars get what the figures leave, up to half the terminal: longer ones only shout.
        let figures = (0..<3).map { column in
            table.rows.reduce(DisplayWidth.of(table.columns[column].title)) { max($0, $1[column].columns) }
        }
        let room = min(width / 2, width - table.indent - figures.reduce(0, +) - 2 * 3)
        let times = rows.shown.map(\.time) + [rest]
        for (index, time) in zip(table.rows.indices, times) where totals.blocked > 0 {
            let share = Double(time) / Double(totals.blocked)
            table.rows[index][3] = TextRun(Bars.bar(share, columns: room), table.rows[index][0].style)
        }
        return table.lines(width: width)
    }

    private func row(_ label: String, _ time: UInt64, _ style: Style) -> [TextRun] {
        [
            TextRun(label, style), TextRun(HumanUnits.time(time), style),
            TextRun(HumanUnits.percent(time, of: totals.blocked) ?? HumanUnits.unknown, style), TextRun(""),
        ]
    }
}

extension BlockingCause {
    /// The document's key, in words.
    var label: String { String(key.map { $0 == "_" ? " " : $0 }) }
}
