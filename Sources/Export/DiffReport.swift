public import IOModel
internal import JSON

/// Two recordings or reports side by side, in words and as the document `iotrace.diff/1` (docs/schema/diff-1.schema.json).
public struct DiffReport {
    private let comparison: Comparison
    private let before: String
    private let after: String

    /// - Parameters:
    ///   - before: The first side's name.
    ///   - after: The second side's.
    public init(_ comparison: Comparison, before: String, after: String) {
        self.comparison = comparison
        self.before = before
        self.after = after
    }

    public func document() -> [UInt8] {
        let value: JSONValue = [
            "schema": "iotrace.diff/1", "before": .string(before), "after": .string(after),
            "regressions": .unsigned(UInt64(comparison.regressions.count)),
            "changes": .array(
                comparison.changes.map {
                    [
                        "comm": .string($0.comm), "metric": .string($0.metric.rawValue), "before": JSONValue($0.before),
                        "after": JSONValue($0.after), "direction": .string($0.direction.rawValue),
                        "regression": .bool($0.isRegression), "words": .string(Self.words($0)),
                    ]
                }),
            "models": .array(
                comparison.models.map {
                    [
                        "comm": .string($0.comm), "model": .string($0.model), "before": .number($0.before),
                        "after": .number($0.after),
                    ]
                }),
            "blocked": .array(
                comparison.causes.map {
                    [
                        "comm": .string($0.comm), "cause": .string($0.cause), "before_ns": .unsigned($0.before),
                        "after_ns": .unsigned($0.after),
                    ]
                }),
            "only_before": .array(comparison.onlyBefore.map { .string($0) }),
            "only_after": .array(comparison.onlyAfter.map { .string($0) }),
            "doubts": .array(
                comparison.doubts.map { ["code": .string($0.code), "message": .string($0.message)] }),
        ]
        return value.encoded(indent: 2) + [UInt8(ascii: "\n")]
    }

    /// UTF-8 lines, none wider than the width.
    public func rendered(width: Int, color: Bool) -> [UInt8] {
        let width = min(max(width, 40), 400)
        return lines(width).flatMap { $0.encoded(width: width, color: color) }
    }

    private func lines(_ width: Int) -> [Line] {
        var lines = [
            Line([TextRun("iotrace diff", .bold), TextRun(" · \(before) → \(after)", .dim)])
        ]
        var names: [String] = []
        for change in comparison.changes where names.last != change.comm { names.append(change.comm) }
        for name in names {
            lines.append(Line([TextRun(name, .bold)]))
            let changes = comparison.changes.filter { $0.comm == name }
            for change in changes where change.direction != .same { lines += sentence(change, width) }
            let same = changes.filter { $0.direction == .same && $0.before != nil && $0.after != nil }
            if !same.isEmpty {
                lines += Paragraph.lines(
                    "\(same.map(\.metric.words).joined(separator: ", "))", lead: TextRun("  = as before: ", .dim),
                    style: .dim, width: width)
            }
            for change in comparison.models where change.comm == name {
                lines += Paragraph.lines(
                    "\(change.model): \(VerdictWords.value(change.before, .share)) → \(VerdictWords.value(change.after, .share)) of the operations",
                    lead: TextRun("  · "), style: .plain, width: width)
            }
            for change in comparison.causes where change.comm == name {
                lines += Paragraph.lines(
                    "blocked on \(change.cause): \(HumanUnits.time(change.before)) → \(HumanUnits.time(change.after))",
                    lead: TextRun("  · "), style: .dim, width: width)
            }
        }
        for (names, words) in [(comparison.onlyBefore, "only before"), (comparison.onlyAfter, "only after")]
        where !names.isEmpty {
            lines += Paragraph.lines(
                names.joined(separator: ", "), lead: TextRun("\(words): ", .dim), style: .plain, width: width)
        }
        for doubt in comparison.doubts {
            lines += Paragraph.lines(doubt.message, lead: TextRun("? ", .yellow), style: .yellow, width: width)
        }
        let count = comparison.regressions.count
        lines.append(
            Line([
                TextRun(
                    count == 0 ? "no regression" : count == 1 ? "1 regression" : "\(count) regressions",
                    count > 0 ? .red : .bold)
            ]))
        return lines
    }

    private func sentence(_ change: Comparison.Change, _ width: Int) -> [Line] {
        let mark = change.direction == .worse ? "▲ " : "▼ "
        return Paragraph.lines(
            Self.words(change), lead: TextRun("  \(mark)", change.isRegression ? .red : .plain),
            style: change.isRegression ? .red : .plain, width: width)
    }

    /// `CPU copies for each byte: 2 → 0.01, 99.5% less`.
    public static func words(_ change: Comparison.Change) -> String {
        func value(_ value: Double?) -> String {
            guard let value else { return HumanUnits.unknown }
            switch change.metric {
            case .blockedPerMebibyte: return VerdictWords.value(value, .nanoseconds)
            case .blockingShare: return VerdictWords.value(value, .share)
            default: return VerdictWords.value(value, .ratio)
            }
        }
        var words = "\(change.metric.words): \(value(change.before)) → \(value(change.after))"
        guard let before = change.before, let after = change.after, change.direction != .same else { return words }
        if before > 0 {
            let share = HumanUnits.percent(abs(after - before), of: before) ?? ""
            words += ", \(share) \(after > before ? "more" : "less")"
        }
        return words
            + (change.direction == .better
                ? " (better)" : change.isRegression ? " (worse)" : " (depends on the machine)")
    }
}
