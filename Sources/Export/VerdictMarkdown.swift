public import IOModel

/// A verification as Markdown, for the summary of a CI job or a comment on a change.
public struct VerdictMarkdown {
    private let report: VerificationReport

    /// Claims in the table; of more, those that hold are only counted.
    private static let limit = 200

    public init(_ report: VerificationReport) { self.report = report }

    public func rendered() -> [UInt8] { Array((lines.joined(separator: "\n") + "\n\n").utf8) }

    private var lines: [String] {
        let verdict = report.verdict
        var lines = ["### iotrace verify: \(headline)", ""]
        if let why = report.unsupported { return lines + [Self.escaped(why)] }
        if let status = report.commandFailure {
            lines += ["The command \(VerificationReport.words(commandStatus: status)).", ""]
        }
        let unclear = verdict.claims.filter { $0.outcome != .pass }
        let shown = verdict.claims.count <= Self.limit ? verdict.claims : Array(unclear.prefix(Self.limit))
        lines += ["| | claim | measured | limit | where |", "|---|---|---|---|---|"] + shown.map(row)
        if shown.count < verdict.claims.count {
            lines += ["", "\(verdict.claims.count - shown.count) more claims are not listed."]
        }
        for claim in unclear.prefix(20) {
            lines += ["", "**\(Self.escaped(claim.claim.name))**", ""]
            lines += VerdictWords(claim).detail.map { "- \(Self.escaped($0))" }
        }
        return lines
    }

    private var headline: String {
        let verdict = report.verdict
        if report.isSkipped { return "⚠️ skipped, tracing is not possible here" }
        if report.unsupported != nil { return "❌ tracing is not possible here" }
        let count = verdict.claims.count
        switch verdict.outcome {
        case .pass: return "✅ \(count == 1 ? "the claim holds" : "all \(count) claims hold")"
        case .fail: return "❌ \(verdict.count(.fail)) of \(count) \(count == 1 ? "claim" : "claims") broken"
        case .inconclusive:
            return "❓ \(verdict.count(.inconclusive)) of \(count) \(count == 1 ? "claim" : "claims") inconclusive"
        }
    }

    private func row(_ verdict: ClaimVerdict) -> String {
        let words = VerdictWords(verdict)
        let mark = verdict.outcome == .pass ? "✅" : verdict.outcome == .fail ? "❌" : "❓"
        let cells = [mark, verdict.claim.name, words.measured, words.limit, words.place ?? ""]
        return "| \(cells.map { Self.escaped($0) }.joined(separator: " | ")) |"
    }

    /// Text that means nothing but itself: no markup, no HTML, no new line or cell.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n", "\r", "\t": result += " "
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\\", "`", "*", "_", "[", "]", "|", "#", "~", "@", "$": result += "\\\(scalar)"
            default: result += Sanitized(String(scalar)).text
            }
        }
        return result
    }
}
