internal import IOModel

/// What was measured, for how long, what it missed and what it cost.
struct ReportHeader {
    let report: Report
    let width: Int

    var lines: [Line] { summary + losses + overhead + warnings }

    private var summary: [Line] {
        let window = report.window
        let threads = report.processes.reduce(0) { $0 &+ $1.threads }
        let counts =
            HumanUnits.plural(UInt64(report.processes.count), "process", "processes")
            + ", " + HumanUnits.plural(threads, "thread", "threads")
        var items: [Flow.Item] = [
            [TextRun("iotrace \(report.tool.version)".shortened(to: 24), .bold)],
            [TextRun(HumanUnits.time(window.duration), .bold), TextRun(" (\(end))")],
            [TextRun(counts)],
            Figure.item("kernel", report.tool.kernel.shortened(to: 30)),
            Figure.item("tier", report.tool.tier.shortened(to: 30)),
        ]
        if window.inFlightAtStart > 0 || window.inFlightAtEnd > 0 {
            items.append(
                Figure.item(
                    "calls in flight",
                    HumanUnits.count(window.inFlightAtStart) + " at start, "
                        + HumanUnits.count(window.inFlightAtEnd) + " at end"))
        }
        return Flow(items: items).lines(width: width)
    }

    private var end: String {
        switch report.window.end {
        case .exit: "until exit"
        case .duration: "full duration"
        case .signal: "until a signal"
        case nil: "no end recorded"
        }
    }

    private var losses: [Line] {
        let losses = Self.named(report.losses).filter { $0.count > 0 }
        if losses.isEmpty {
            // A counter that is not named here must not read as none.
            return [
                report.losses.isZero
                    ? Line([TextRun("losses: none", .dim)]) : Line([TextRun("losses: yes, of an unnamed kind", .red)])
            ]
        }
        var items = losses.map { [TextRun("\($0.name) \(HumanUnits.count($0.count))", .red)] }
        items[0].insert(TextRun("losses: ", .red), at: 0)
        return Flow(items: items).lines(width: width)
    }

    static func named(_ losses: Losses) -> [(name: String, count: UInt64)] {
        [
            ("thread storage failed", losses.threadStorageFailed), ("process map full", losses.processMapFull),
            ("call map full", losses.callMapFull), ("file map full", losses.fileMapFull),
            ("latency map full", losses.latencyMapFull), ("ledger map full", losses.ledgerMapFull),
            ("mapping busy", losses.mappingBusy), ("io_uring unnamed", losses.uringUnnamed),
            ("probe skipped", losses.probeSkipped),
            ("user read failed", losses.userReadFailed),
            ("ring dropped", losses.ringDropped),
        ]
    }

    private var overhead: [Line] {
        let cost = report.overhead
        guard cost != Overhead() else { return [] }
        let target = report.processes.reduce(0) { $0 &+ $1.totals.onCPU }
        var probes = "probes ~" + (cost.probeNanoseconds.map(HumanUnits.time) ?? HumanUnits.unknown)
        if cost.probeNanoseconds == nil { probes = "probes " + HumanUnits.unknown }
        if let runs = cost.probeRuns { probes += " in \(HumanUnits.plural(runs, "run", "runs"))" }
        var items: [Flow.Item] = [[TextRun("overhead: \(probes)", .dim)]]
        if let added = cost.addedNanoseconds {
            items.append([TextRun("programs slowed down by ~" + HumanUnits.time(added), .dim)])
        }
        items.append([
            TextRun(
                "collector " + (cost.collectorNanoseconds.map(HumanUnits.time) ?? HumanUnits.unknown)
                    + (cost.collectorMemory.map { ", " + HumanUnits.bytes($0) } ?? ""), .dim)
        ])
        if let share = cost.share(ofTarget: target).flatMap({ HumanUnits.percent($0, of: 1) }) {
            items.append([TextRun("together ~\(share) of target CPU", .dim)])
        }
        return Flow(items: items).lines(width: width)
    }

    private var warnings: [Line] {
        report.warnings.flatMap { warning in
            Paragraph.lines(warning.message, lead: TextRun("warning: ", .red), style: .red, width: width)
                + Paragraph.lines(warning.advice, lead: TextRun("         "), style: .dim, width: width)
        }
    }
}

extension String {
    /// A name from outside, sanitized and then shortened: an escape is wider than what it stands for.
    func shortened(to columns: Int) -> String { Sanitized(self).text.shortenedInMiddle(to: columns) }
}
