internal import IOModel

/// The calls that took the most time: blocked, in a run queue and, as far as it was timed, on a CPU.
struct SyscallTable {
    let process: ProcessFigures
    let width: Int

    var lines: [Line] {
        guard !process.calls.isEmpty else { return [] }
        let rows = Rows(ranked, limit: RowLimit.table(width: width))
        let more = "… and \(HumanUnits.count(UInt64(rows.rest.count))) more"
        var table = Table(columns: [
            Table.Column(
                title: "syscall", alignment: .left, shrinksTo: max(14, rows.rest.isEmpty ? 0 : DisplayWidth.of(more))),
            Table.Column(title: "count"), Table.Column(title: "errors", rank: 4), Table.Column(title: "bytes", rank: 3),
            Table.Column(title: "blocked"), Table.Column(title: "share", rank: 2), Table.Column(title: "p50", rank: 1),
            Table.Column(title: "p99", rank: 5), Table.Column(title: "time", rank: 6),
        ])
        for number in rows.shown { table.rows.append(row(number)) }
        if !rows.rest.isEmpty { table.rows.append(sum(of: rows.rest, label: more)) }
        return table.lines(width: width)
    }

    private var ranked: [UInt32] {
        func cost(_ number: UInt32) -> (UInt64, UInt64) {
            let call = process.calls[number]!
            return (process.time(of: number)?.nanoseconds ?? call.blocked &+ call.runQueue, call.count)
        }
        return process.calls.keys.map { (number: $0, cost: cost($0)) }
            .sorted { $0.cost != $1.cost ? $0.cost > $1.cost : $0.number < $1.number }
            .map(\.number)
    }

    private func row(_ number: UInt32) -> [TextRun] {
        let latency = process.latencies[number]
        let time = process.time(of: number)
        return figures(
            process.calls[number]!, label: SyscallNames.name(of: number),
            median: latency?.percentile(0.5), high: latency?.percentile(0.99),
            time: time.map { ($0.estimated ? "~" : "") + HumanUnits.time($0.nanoseconds) }, style: .plain)
    }

    /// Percentiles do not add up; times only when each of them is known.
    private func sum(of numbers: [UInt32], label: String) -> [TextRun] {
        var sum = CallFigures()
        var total: UInt64? = 0
        var isEstimated = false
        for number in numbers {
            sum += process.calls[number]!
            let time = process.time(of: number)
            if let known = total, let time { total = known &+ time.nanoseconds } else { total = nil }
            isEstimated = isEstimated || time?.estimated == true
        }
        return figures(
            sum, label: label, median: nil, high: nil,
            time: total.map { (isEstimated ? "~" : "") + HumanUnits.time($0) },
            style: .dim)
    }

    private func figures(
        _ call: CallFigures, label: String, median: UInt64?, high: UInt64?, time: String?, style: Style
    ) -> [TextRun] {
        let unknown = HumanUnits.unknown
        return [
            TextRun(label, style), TextRun(HumanUnits.count(call.count), style),
            TextRun(HumanUnits.count(call.errors), call.errors > 0 ? .yellow : .dim),
            TextRun(HumanUnits.bytes(call.bytes), call.bytes > 0 ? style : .dim),
            TextRun(HumanUnits.time(call.blocked), call.blocked > 0 ? style : .dim),
            TextRun(
                HumanUnits.percent(call.blocked, of: process.totals.blocked) ?? unknown, call.blocked > 0 ? style : .dim
            ),
            TextRun(median.map(HumanUnits.percentile) ?? unknown, median == nil ? .dim : style),
            TextRun(high.map(HumanUnits.percentile) ?? unknown, high == nil ? .dim : style),
            TextRun(time ?? unknown, time == nil ? .dim : style),
        ]
    }
}
