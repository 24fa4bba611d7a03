public import IOModel

/// A verification for a person: what holds, what does not, and why.
public struct VerdictSection {
    private let report: VerificationReport
    private let width: Int
    private let color: Bool

    /// Claims shown in full; of more, those that hold are counted only.
    private static let fullLimit = 100

    public init(_ report: VerificationReport, width: Int, color: Bool) {
        self.report = report
        self.width = min(max(width, 40), 400)
        self.color = color
    }

    /// UTF-8 lines, none wider than the width.
    public func rendered() -> [UInt8] { lines.flatMap { $0.encoded(width: width, color: color) } }

    private var lines: [Line] {
        var lines = [header]
        if let why = report.unsupported {
            lines += Paragraph.lines(
                why, lead: TextRun(report.isSkipped ? "  skipped: " : "  not possible here: ", .yellow), style: .plain,
                width: width)
        }
        if let status = report.commandFailure {
            lines += Paragraph.lines(
                "the command \(VerificationReport.words(commandStatus: status))", lead: TextRun("  "), style: .red,
                width: width)
        }
        let claims = report.verdict.claims
        let shown = claims.count <= Self.fullLimit ? claims : claims.filter { $0.outcome != .pass }
        if report.unsupported == nil {
            for claim in shown.prefix(Self.fullLimit) { lines += self.claim(claim) }
            let rest = shown.count - min(shown.count, Self.fullLimit)
            if rest > 0 { lines.append(Line([TextRun("  … and \(rest) more; --json has them all", .dim)])) }
        }
        return lines + [summary]
    }

    private var header: Line {
        var words = " · kernel \(report.tool.kernel.shortened(to: 30))"
        if report.runs.count > 1 { words += " · \(report.runs.count) runs" }
        if let run = report.runs.first { words += " · \(HumanUnits.time(run.window.duration))" }
        return Line([TextRun("iotrace verify", .bold), TextRun(words, .dim)])
    }

    private func claim(_ verdict: ClaimVerdict) -> [Line] {
        let words = VerdictWords(verdict)
        let judgment = verdict.worst.judgment
        let (mark, style): (String, Style) =
            switch verdict.outcome {
            case .pass: ("✓ ", .plain)
            case .fail: ("✗ ", .red)
            case .inconclusive: ("? ", .yellow)
            }
        var text = "\(verdict.claim.name)  \(words.measured) \(words.limit)"
        if verdict.outcome == .inconclusive { text += "  inconclusive" }
        if let place = words.place { text += "  \(place)" }
        if verdict.judged > 1 { text += ", the worst of \(verdict.judged)" }
        if report.runs.count > 1 && verdict.worst.run > 0 { text += " in run \(verdict.worst.run)" }
        var lines = Paragraph.lines(
            text, lead: TextRun("  \(mark)", style), style: verdict.outcome == .pass ? .plain : style, width: width)
        func detail(_ label: String, _ text: String, _ style: Style = .plain) {
            lines += Paragraph.lines(text, lead: TextRun("    \(label)", .dim), style: style, width: width)
        }
        if let scope = verdict.claim.scope.words { detail("of ", scope, .dim) }
        if !judgment.evidence.isEmpty { detail("", judgment.evidence, verdict.outcome == .pass ? .dim : .plain) }
        guard verdict.outcome != .pass else { return lines }
        if let reason = verdict.claim.reason { detail("claimed because ", reason) }
        for doubt in judgment.doubts { detail("? ", doubt.message, .yellow) }
        for part in judgment.contributors { detail("· ", VerdictWords.words(part)) }
        if let remedy = judgment.remedy { detail("→ ", remedy) }
        return lines
    }

    private var summary: Line {
        let verdict = report.verdict
        guard report.unsupported == nil else {
            return Line([
                TextRun("\(verdict.claims.count) claims not judged", .bold),
                TextRun(" · exit status \(report.exitStatus)", .dim),
            ])
        }
        let (failed, unclear) = (verdict.count(.fail), verdict.count(.inconclusive))
        return Line([
            TextRun("\(verdict.count(.pass)) hold", verdict.outcome == .pass ? .bold : .plain), TextRun(" · ", .dim),
            TextRun("\(failed) broken", failed > 0 ? .red : .dim), TextRun(" · ", .dim),
            TextRun("\(unclear) inconclusive", unclear > 0 ? .yellow : .dim),
            TextRun(" · exit status \(report.exitStatus)", .dim),
        ])
    }
}
