internal import IOModel

/// How the process waits for its I/O: its tags, the models with their evidence, the quadrant and the two phases.
struct ModelSection {
    private let classifier: ModelClassifier
    private let process: ProcessFigures
    private let width: Int

    init(process: ProcessFigures, width: Int) {
        self.process = process
        self.width = width
        classifier = ModelClassifier(process)
    }

    var lines: [Line] {
        guard !classifier.rows.isEmpty else { return [] }
        return tags + models + quadrants + RequestLines(process).lines + findings
    }

    /// Hidden copies have lines of their own below.
    private var findings: [Line] {
        Finding.all(in: classifier).filter { $0.code != "hidden_copy" }.flatMap { finding in
            let lead = "  finding: "
            return Paragraph.lines(finding.message, lead: TextRun(lead, .yellow), style: .plain, width: width)
                + Paragraph.lines(
                    finding.advice, lead: TextRun(String(repeating: " ", count: lead.count)), style: .dim, width: width)
        }
    }

    private var tags: [Line] {
        let tags = classifier.tags.isEmpty ? HumanUnits.unknown : classifier.tags.joined(separator: ", ")
        var items = [Figure.item("I/O model", tags, .bold)]
        let phases = classifier.phases
        if phases.wait > 0 || phases.transfer != nil {
            items.append(Figure.item("waiting", HumanUnits.time(phases.wait)))
            items.append(Figure.item("moving", HumanUnits.time(phases.moving)))
        }
        return Flow(items: items, indent: 2, hanging: 4).lines(width: width)
    }

    private var models: [Line] {
        let rows = Rows(
            classifier.rows.sorted { ($1.operations, $0.model) < ($0.operations, $1.model) },
            limit: RowLimit.causes(width: width))
        var lines = rows.shown.flatMap { row -> [Line] in
            let name = row.subModel.map { "\(row.model) (\($0))" } ?? row.model
            let share = row.operationShare.flatMap { HumanUnits.percent($0, of: 1) } ?? HumanUnits.unknown
            return Paragraph.lines(
                "\(share) of operations — \(row.evidence)", lead: TextRun("    \(name): ", .dim), style: .plain,
                width: width)
        }
        if !rows.rest.isEmpty { lines.append(Line([TextRun("    … and \(rows.rest.count) more", .dim)])) }
        return lines
    }

    /// The 2×2 of the tutorials.
    private var quadrants: [Line] {
        let quadrants = classifier.quadrants
        var table = Table(columns: [
            .init(title: "", alignment: .left), .init(title: "may block"), .init(title: "returns at once"),
        ])
        func cell(_ figures: Quadrants.Figures) -> TextRun {
            guard figures.operations > 0 || figures.time.nanoseconds ?? 0 > 0 else {
                return TextRun(HumanUnits.count(0), .dim)
            }
            return TextRun("\(HumanUnits.count(figures.operations)) · \(HumanUnits.time(figures.time))")
        }
        table.indent = 4
        table.rows = [
            [TextRun("sync", .dim), cell(quadrants.syncBlocking), cell(quadrants.syncNonblocking)],
            [TextRun("async", .dim), cell(quadrants.asyncBlocking), cell(quadrants.asyncNonblocking)],
        ]
        return table.lines(width: width)
    }
}

extension HumanUnits {
    /// ≥: of some calls the time on a CPU is not known.
    static func time(_ time: InCalls) -> String {
        guard let nanoseconds = time.nanoseconds else { return unknown }
        return (time.isPartial ? "≥" : time.isEstimated ? "~" : "") + self.time(nanoseconds)
    }
}
