public import IOModel

/// Broken and inconclusive claims as commands to GitHub Actions, which shows them with the change that broke them.
///
/// The format is documented at docs.github.com, "Workflow commands for GitHub Actions".
public struct Annotations {
    private let report: VerificationReport
    private let policy: String?

    /// GitHub shows ten errors of a step.
    private static let limit = 10

    /// - Parameter policy: the file that claims with a line come from.
    public init(_ report: VerificationReport, policy: String?) {
        self.report = report
        self.policy = policy
    }

    /// UTF-8 lines; none when every claim holds.
    public func rendered() -> [UInt8] { Array(lines.joined().utf8) }

    private var lines: [String] {
        if let why = report.unsupported {
            return [command(report.isSkipped ? "warning" : "error", title: "iotrace verify", why)]
        }
        var lines: [String] = []
        if let status = report.commandFailure {
            lines.append(
                command(
                    "error", title: "iotrace verify",
                    "the command \(VerificationReport.words(commandStatus: status))"))
        }
        let claims = report.verdict.claims.filter { $0.outcome != .pass }
        for claim in claims.prefix(Self.limit) {
            let words = VerdictWords(claim)
            lines.append(
                command(
                    claim.outcome == .fail || report.exitStatus != 0 ? "error" : "warning",
                    title: claim.claim.name, line: claim.claim.line,
                    ([words.sentence] + words.detail).joined(separator: "\n")))
        }
        if claims.count > Self.limit {
            lines.append(
                command("error", title: "iotrace verify", "\(claims.count - Self.limit) more claims do not hold"))
        }
        return lines
    }

    private func command(_ level: String, title: String, line: Int? = nil, _ message: String) -> String {
        var properties = ["title=\(Self.property(title))"]
        if let policy, let line { properties = ["file=\(Self.property(policy))", "line=\(line)"] + properties }
        return "::\(level) \(properties.joined(separator: ","))::\(Self.data(message))\n"
    }

    static func data(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "%": "%25"
            case "\r": "%0D"
            case "\n": "%0A"
            default: Sanitized(String(scalar)).text
            }
        }.joined()
    }

    static func property(_ text: String) -> String {
        data(text).unicodeScalars.map { $0 == ":" ? "%3A" : $0 == "," ? "%2C" : String($0) }.joined()
    }
}
