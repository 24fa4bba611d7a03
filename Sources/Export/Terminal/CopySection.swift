internal import IOModel

/// What the CPU copied for the process and what it did not: the sums, the way of the payload, and the hidden copies.
struct CopySection {
    let process: ProcessFigures
    let width: Int

    var lines: [Line] {
        guard let copies = Copies(of: process), copies.payload > 0 || copies.accounted > 0 else { return [] }
        return summary(copies) + flows + findings
    }

    private func summary(_ copies: Copies) -> [Line] {
        var items: [Flow.Item] = [
            Figure.item("amplification", copies.amplification.map(HumanUnits.ratio) ?? HumanUnits.unknown, .bold),
            Figure.item("copied", HumanUnits.bytes(copies.copied)),
            Figure.item("avoided", HumanUnits.bytes(copies.avoided)),
        ]
        if copies.unresolved > 0 {
            items.append(Figure.item("unresolved", HumanUnits.bytes(copies.unresolved), .yellow))
        }
        items.append(Figure.item("evidence", evidence(copies)))
        if let share = process.allSamples.copyShare {
            let interval =
                " (\(percent(share.low))–\(percent(share.high)), \(HumanUnits.plural(share.samples, "sample", "samples")))"
            items.append(Figure.item("CPU time copying", percent(share.value)) + [TextRun(interval, .dim)])
        }
        for (number, share) in callsThatCopy {
            items.append(Figure.item("of \(SyscallNames.name(of: number))", percent(share.value)))
        }
        return Flow(items: items, indent: 2, hanging: 4).lines(width: width)
    }

    /// The calls in which the most copying was found, where there are enough samples to speak of a share.
    private var callsThatCopy: [(UInt32, SampledShare)] {
        process.samples.filter { $0.key != SampleFigures.noCall && $0.value.samples >= 20 && $0.value.copying > 0 }
            .sorted { ($1.value.copying, $0.key) < ($0.value.copying, $1.key) }
            .prefix(3).compactMap { number, samples in samples.copyShare.map { (number, $0) } }
    }

    private func evidence(_ copies: Copies) -> String {
        let parts = [("observed", copies.observed), ("derived", copies.derived), ("unknown", copies.unresolved)]
        return parts.compactMap { name, bytes in
            bytes > 0 ? HumanUnits.percent(bytes, of: copies.accounted).map { "\($0) \(name)" } : nil
        }.joined(separator: ", ")
    }

    private func percent(_ share: Double) -> String { HumanUnits.percent(share, of: 1) ?? HumanUnits.unknown }

    /// One line for each chain, as many as are worth it.
    private var flows: [Line] {
        let rows = Rows(CopyFlow.flows(of: process), limit: RowLimit.causes(width: width))
        var lines = rows.shown.flatMap(chain)
        if !rows.rest.isEmpty { lines.append(Line([TextRun("    … and \(rows.rest.count) smaller ways", .dim)])) }
        return lines
    }

    private func chain(_ flow: CopyFlow) -> [Line] {
        var lines: [Line] = []
        var line = Line([TextRun("    "), TextRun("[\(flow.from.rawValue)]")])
        for arrow in flow.arrows {
            let style: Style =
                switch arrow.way {
                case .hiddenCopy: .red
                case .unresolved: .yellow
                default: .plain
                }
            let runs = [
                TextRun("─\(arrow.way.rawValue) \(HumanUnits.bytes(arrow.bytes))→", style),
                TextRun("[\(arrow.to.rawValue)]"),
            ]
            if line.columns + Line(runs).columns > width && !line.runs.isEmpty {
                lines.append(line)
                line = Line([TextRun("      ")])
            }
            line.runs += runs
        }
        return lines + [line]
    }

    private var findings: [Line] {
        let hidden = process.hiddenCopies().map { ($0, "hidden copy: ", Style.red) }
        let hints = process.copyHints().map { ($0, "hint: ", Style.yellow) }
        return (hidden + hints).flatMap { finding, label, style in
            let count = HumanUnits.plural(finding.operations, "operation", "operations")
            let size = "\(finding.operation) \(HumanUnits.bytes(finding.bytes)) in \(count)"
            return Paragraph.lines(
                "\(size) — \(finding.reason)", lead: TextRun("  \(label)", style), style: .plain, width: width)
                + Paragraph.lines(
                    finding.advice, lead: TextRun(String(repeating: " ", count: 2 + label.count)), style: .dim,
                    width: width)
        }
    }
}
