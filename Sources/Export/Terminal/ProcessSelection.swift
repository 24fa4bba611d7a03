internal import IOModel

/// Which processes are shown one by one, in which order; the rest is added up.
struct ProcessSelection {
    let shown: [ProcessFigures]
    private let rest: [ProcessFigures]
    private let missing: UInt32?

    init(_ processes: [ProcessFigures], options: TerminalReport.Options) {
        let ranked = Self.ranked(processes, by: options.sort)
        let chosen = ranked.filter { options.pid == nil || $0.identity.pid == options.pid }
        let others = ranked.filter { options.pid != nil && $0.identity.pid != options.pid }
        let limit = max(0, options.limit)
        shown = Array(chosen.prefix(limit))
        rest = Array(chosen.dropFirst(limit)) + others
        missing = chosen.isEmpty ? options.pid : nil
    }

    func restLines(width: Int) -> [Line] {
        var lines: [Line] = []
        if let missing { lines.append(Line([TextRun("no process with pid \(missing) is in this report", .yellow)])) }
        guard !rest.isEmpty else { return lines }
        let more = shown.isEmpty ? "" : " more"
        let title = "… and \(HumanUnits.count(UInt64(rest.count)))\(more) \(rest.count == 1 ? "process" : "processes")"
        var totals = Totals()
        for process in rest { totals += process.totals }
        let errors = rest.reduce(0) { $0 &+ $1.errorCount }
        let flow = Flow(
            items: [
                [TextRun(title, .bold)],
                Figure.item("syscalls", HumanUnits.count(rest.reduce(0) { $0 &+ $1.callCount })),
                Figure.item("errors", HumanUnits.count(errors), errors > 0 ? .yellow : .plain),
                Figure.item("in", HumanUnits.bytes(rest.reduce(0) { $0 &+ $1.bytesIn })),
                Figure.item("out", HumanUnits.bytes(rest.reduce(0) { $0 &+ $1.bytesOut })),
                Figure.item("on CPU", HumanUnits.time(totals.onCPU)),
                Figure.item("blocked", HumanUnits.time(totals.blocked)),
            ])
        return lines + flow.lines(width: width)
    }

    /// Equal processes by pid, so that the same report always reads the same.
    private static func ranked(_ processes: [ProcessFigures], by key: SortKey) -> [ProcessFigures] {
        func rank(_ process: ProcessFigures) -> UInt64 {
            switch key {
            case .cost: process.totals.blocked &+ process.totals.onCPU
            case .syscalls: process.callCount
            case .bytes: process.bytesIn &+ process.bytesOut
            case .blocked: process.totals.blocked
            case .cpu: process.totals.onCPU
            case .pid: 0
            }
        }
        return processes.map { (rank: rank($0), process: $0) }
            .sorted { first, second in
                if first.rank != second.rank { return first.rank > second.rank }
                let (one, other) = (first.process.identity, second.process.identity)
                return (one.pid, one.id) < (other.pid, other.id)
            }
            .map(\.process)
    }
}

extension ProcessFigures {
    var bytesIn: UInt64 { files.values.reduce(0) { $0 &+ $1.bytesIn } }
    var bytesOut: UInt64 { files.values.reduce(0) { $0 &+ $1.bytesOut } }
}

/// A named figure in a flow: the name stays back, the figure stands out.
enum Figure {
    static func item(_ name: String, _ value: String, _ style: Style = .plain) -> [TextRun] {
        [TextRun(name + " ", .dim), TextRun(value, style)]
    }
}
