internal import IOModel

/// A verdict on a claim in words, for every output that people read.
struct VerdictWords {
    let verdict: ClaimVerdict

    init(_ verdict: ClaimVerdict) { self.verdict = verdict }

    private var claim: Claim { verdict.claim }
    private var judgment: Judgment { verdict.worst.judgment }

    static func value(_ value: Double, _ unit: ClaimKind.Unit) -> String {
        let whole = UInt64(min(max(value, 0), 0x1p63).rounded())
        return switch unit {
        case .ratio: ratio(value)
        case .share: HumanUnits.percent(value, of: 1) ?? HumanUnits.unknown
        case .bytes: HumanUnits.bytes(whole)
        case .nanoseconds: HumanUnits.time(whole)
        case .count: HumanUnits.count(whole)
        }
    }

    /// Enough digits to tell a value from a limit that it nearly meets.
    private static func ratio(_ value: Double) -> String {
        if value == 0 { return "0" }
        if value < 0.001 { return "<0.001" }
        if value >= 100 { return HumanUnits.decimal(value) }
        let thousandths = UInt64((min(value, 1e12) * 1000).rounded())
        if thousandths % 1000 == 0 { return HumanUnits.count(thousandths / 1000) }
        return thousandths % 10 == 0
            ? HumanUnits.ratio(value) : "\(thousandths / 1000).\(String(1000 + thousandths % 1000).dropFirst())"
    }

    var measured: String {
        judgment.measured.map { Self.value($0, claim.kind.unit) } ?? HumanUnits.unknown
    }

    /// `≤ 0.01`, `≥ 95%`, `< 1%`.
    var limit: String {
        let sign =
            switch claim.kind.comparison {
            case .atMost: "≤"
            case .atLeast: "≥"
            case .below: "<"
            }
        return "\(sign) \(Self.value(claim.kind.limit, claim.kind.unit))"
    }

    /// Of which process, and in which run.
    var place: String? {
        guard let pid = verdict.worst.pid else { return nil }
        return "\(verdict.worst.comm ?? "?") (\(pid))"
    }

    /// One line: what was measured against what, or why that cannot be said.
    var sentence: String {
        var words = "\(claim.name): "
        switch verdict.outcome {
        case .inconclusive:
            words += "inconclusive"
            if let doubt = judgment.doubts.last { words += ": \(doubt.message)" }
        case .pass, .fail:
            words += "\(measured), and it must be \(limit)"
            if let place { words += ", in \(place)" }
        }
        return words
    }

    /// Lines with everything that is known.
    var detail: [String] {
        var lines: [String] = []
        if let scope = claim.scope.words { lines.append("scope: \(scope)") }
        if let reason = claim.reason { lines.append("claimed because: \(reason)") }
        lines.append("measured \(measured), limit \(limit)\(place.map { ", in \($0)" } ?? "")")
        if !judgment.evidence.isEmpty { lines.append("evidence: \(judgment.evidence)") }
        lines += judgment.doubts.map { "doubt: \($0.message)" }
        lines += judgment.contributors.map { Self.words($0) }
        if let remedy = judgment.remedy { lines.append("remedy: \(remedy)") }
        return lines
    }

    static func words(_ part: Contributor) -> String {
        var words = "\(value(part.value, part.unit)) \(part.operation)"
        if let fd = part.fd { words += ", fd \(fd)" }
        if let target = part.target { words += " (\(target))" }
        return words + ": \(part.reason)"
    }
}
