public import IOModel
internal import JSON

/// A verification as the JSON document `iotrace.verdict/1` (docs/schema/verdict-1.schema.json).
public struct VerdictDocument {
    private let report: VerificationReport

    public init(_ report: VerificationReport) { self.report = report }

    /// UTF-8, with a final newline.
    public func rendered() -> [UInt8] { value.encoded(indent: 2) + [UInt8(ascii: "\n")] }

    private var value: JSONValue {
        let verdict = report.verdict
        return [
            "schema": "iotrace.verdict/1",
            "tool": ReportDocument.tool(report.tool),
            "verdict": .string(report.outcomeKey),
            "exit_status": .integer(Int64(report.exitStatus)),
            "unsupported": JSONValue(report.unsupported),
            "command": report.command.isEmpty ? .null : .array(report.command.map { .string($0) }),
            "summary": [
                "claims": .unsigned(UInt64(verdict.claims.count)), "passed": count(.pass), "failed": count(.fail),
                "inconclusive": count(.inconclusive),
            ],
            "runs": .array(report.runs.map(run)),
            "claims": .array(verdict.claims.map(claim)),
        ]
    }

    private func count(_ outcome: Outcome) -> JSONValue { .unsigned(UInt64(report.verdict.count(outcome))) }

    private func run(_ run: VerificationReport.Run) -> JSONValue {
        [
            "window": ReportDocument.window(run.window), "losses": ReportDocument.losses(run.losses),
            "processes": .unsigned(UInt64(run.processes)),
            "command_status": run.commandStatus.map { .integer(Int64($0)) } ?? .null,
        ]
    }

    private func claim(_ verdict: ClaimVerdict) -> JSONValue {
        let (claim, worst) = (verdict.claim, verdict.worst)
        return [
            "name": .string(claim.name), "kind": .string(claim.kind.key), "subject": JSONValue(claim.kind.subject),
            "scope": [
                "process": .array(claim.scope.processes.map { .string($0.text) }),
                "fd_type": .array(claim.scope.fileTypes.map { .string($0.rawValue) }),
                "path": .array(claim.scope.paths.map { .string($0.text) }),
            ],
            "reason": JSONValue(claim.reason), "verdict": .string(verdict.outcome.key),
            "measured": JSONValue(worst.judgment.measured), "limit": .number(claim.kind.limit),
            "comparison": .string(claim.kind.comparison.rawValue), "unit": .string(claim.kind.unit.rawValue),
            "evidence": .string(worst.judgment.evidence), "doubts": doubts(worst.judgment),
            "contributors": .array(worst.judgment.contributors.map(contributor)),
            "remedy": JSONValue(worst.judgment.remedy), "judged": .unsigned(UInt64(verdict.judged)),
            "processes": .array(verdict.subjects.map(subject)),
        ]
    }

    private func subject(_ subject: ClaimVerdict.Subject) -> JSONValue {
        [
            "run": .unsigned(UInt64(subject.run)), "pid": JSONValue(subject.pid.map { UInt64($0) }),
            "comm": JSONValue(subject.comm), "verdict": .string(subject.judgment.outcome.key),
            "measured": JSONValue(subject.judgment.measured), "evidence": .string(subject.judgment.evidence),
            "doubts": doubts(subject.judgment),
        ]
    }

    private func doubts(_ judgment: Judgment) -> JSONValue {
        .array(judgment.doubts.map { ["code": .string($0.code), "message": .string($0.message)] })
    }

    private func contributor(_ part: Contributor) -> JSONValue {
        [
            "operation": .string(part.operation), "fd": part.fd.map { .integer(Int64($0)) } ?? .null,
            "target": JSONValue(part.target), "value": .number(part.value), "unit": .string(part.unit.rawValue),
            "reason": .string(part.reason),
        ]
    }
}
