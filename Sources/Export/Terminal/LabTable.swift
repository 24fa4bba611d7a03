public import IOModel

/// The outcome of `iotrace lab transfers` for a person: what each way costs, and whether that is what it should.
public struct LabTable {
    private let results: [TransferResult]
    private let tool: Tool
    private let width: Int
    private let color: Bool

    public init(_ results: [TransferResult], tool: Tool, width: Int, color: Bool) {
        self.results = results
        self.tool = tool
        self.width = min(max(width, 40), 400)
        self.color = color
    }

    /// UTF-8 lines, none wider than the width.
    public func rendered() -> [UInt8] { lines.flatMap { $0.encoded(width: width, color: color) } }

    private var lines: [Line] {
        var table = Table(columns: [
            .init(title: "", alignment: .left), .init(title: "transfer", alignment: .left, shrinksTo: 26),
            .init(title: "moved", rank: 1), .init(title: "switches", rank: 5), .init(title: "per MiB", rank: 2),
            .init(title: "CPU copies"), .init(title: "expected"), .init(title: "DMA in", rank: 3),
            .init(title: "DMA out", rank: 3), .init(title: "MiB/s", rank: 4), .init(title: "CPU ms/GiB", rank: 6),
        ])
        for result in results { table.rows.append(row(result)) }
        var lines = [
            Line([
                TextRun("iotrace lab", .bold),
                TextRun(" · kernel \(tool.kernel.shortened(to: 30)) · tier \(tool.tier.shortened(to: 20))", .dim),
            ]),
            Line(),
        ]
        lines += table.lines(width: width)
        let notes = results.flatMap(notes)
        if !notes.isEmpty { lines += [Line()] + notes }
        return lines + [Line()] + legend + summary
    }

    private func row(_ result: TransferResult) -> [TextRun] {
        let style: Style = mark(result) == "✗" ? .red : .plain
        let title = TextRun(result.title, style)
        guard let measured = result.measurement else {
            return [TextRun(mark(result), .yellow), title]
                + (0..<9).map { TextRun($0 == 3 ? HumanUnits.unknown : "", .dim) }
        }
        let copies = measured.copies
        let mebibytes = Double(result.bytes) / 1_048_576
        var expected = HumanUnits.unknown
        if case .judged(_, let expectation) = result.outcome { expected = perByte(expectation.copied, result) }
        return [
            TextRun(mark(result), style), title, TextRun(HumanUnits.bytes(result.bytes), .dim),
            TextRun(HumanUnits.count(measured.modeSwitches), style),
            TextRun(HumanUnits.decimal(Double(measured.modeSwitches) / mebibytes), .dim),
            TextRun(perByte(copies.copied, result), style), TextRun(expected, .dim),
            TextRun(perByte(copies.dmaIn, result), copies.dmaIn > 0 ? style : .dim),
            TextRun(perByte(copies.dmaOut, result), copies.dmaOut > 0 ? style : .dim),
            TextRun(
                measured.bytesPerSecond(of: result.bytes).map { HumanUnits.decimal($0 / 1_048_576) }
                    ?? HumanUnits.unknown, style),
            TextRun(HumanUnits.decimal(measured.cpuPerGibibyte(of: result.bytes) / 1e6), style),
        ]
    }

    /// Bytes for each byte moved: the tutorial's number of copies.
    private func perByte(_ bytes: UInt64, _ result: TransferResult) -> String {
        HumanUnits.ratio(Double(bytes) / Double(max(result.bytes, 1)))
    }

    private func mark(_ result: TransferResult) -> String {
        switch result.outcome {
        case .notRun: "–"
        case .failed: "✗"
        case .notJudged: "?"
        case .judged: result.differences.isEmpty ? "✓" : "✗"
        }
    }

    /// What is behind a mark, and the hidden copies with their reasons.
    private func notes(_ result: TransferResult) -> [Line] {
        let lead = TextRun("  \(result.name): ", .dim)
        switch result.outcome {
        case .notRun(let why): return Paragraph.lines("not run: \(why)", lead: lead, style: .yellow, width: width)
        case .failed:
            return result.differences.flatMap {
                Paragraph.lines($0, lead: lead, style: .red, width: width)
            }
        case .notJudged(_, let why):
            return Paragraph.lines("not judged: \(why)", lead: lead, style: .yellow, width: width)
        case .judged(let measured, _):
            let differences = result.differences.flatMap {
                Paragraph.lines($0, lead: lead, style: .red, width: width)
            }
            let reasons = HiddenCopy.allCases.filter { measured.hidden[$0.key] ?? 0 > 0 }.flatMap {
                Paragraph.lines(
                    "\(HumanUnits.bytes(measured.hidden[$0.key]!)) copied all the same: \($0.reason)",
                    lead: lead, style: .plain, width: width)
            }
            return differences + reasons
        }
    }

    private var legend: [Line] {
        Paragraph.lines(
            """
            switches: user/kernel mode switches of the whole transfer. CPU copies, expected, DMA: bytes for each byte moved; \
            a socket on this host is no DMA. CPU: of the sending process.
            """, lead: TextRun(""), style: .dim, width: width)
    }

    private var summary: [Line] {
        let different = results.filter { mark($0) == "✗" }.count
        let expected = results.filter { mark($0) == "✓" }.count
        let others = results.count - different - expected
        return [
            Line([
                TextRun("\(expected) as expected", different == 0 ? .bold : .plain), TextRun(" · ", .dim),
                TextRun("\(different) different", different > 0 ? .red : .dim), TextRun(" · ", .dim),
                TextRun("\(others) not run or not judged", others > 0 ? .yellow : .dim),
            ])
        ]
    }
}
