/// What makes a claim inconclusive, whatever was measured.
enum Doubts {
    /// Unknown bytes up to this share of the payload are let pass where no limit says how many matter.
    static let unknownShare = 0.01

    static func losses(_ losses: Losses) -> [Doubt] {
        // Latencies decide no claim.
        var relevant = losses
        relevant.latencyMapFull = 0
        guard !relevant.isZero else { return [] }
        return [
            Doubt(
                code: "losses",
                message: "\(Words.count(relevant.sum)) events were lost while tracing, so the figures are incomplete")
        ]
    }

    /// The copy ledger's probes that these figures depend on.
    static func ledger(_ subject: Subject) -> [Doubt] {
        let process = subject.process
        guard process.ledger != nil else {
            return [Doubt(code: "no_ledger", message: "copies were not accounted for (--no-ledger)")]
        }
        var needed: Set<String> = ["count_fault", "count_kernel_fault"]
        if !process.pairs.isEmpty { needed.insert("find_symbols") }
        if !process.rings.isEmpty || !process.uring.isEmpty || process.calls(named: ["io_uring_enter"]).count > 0 {
            needed.formUnion([
                "count_completion", "count_completion_by_value", "watch_submission", "watch_submission_by_sqe",
            ])
        }
        return probes(needed, subject.tool)
    }

    /// - Parameter needed: probes of which the claim's figures are made, in any of their variants.
    static func probes(_ needed: Set<String>, _ tool: Tool) -> [Doubt] {
        tool.probes.filter { needed.contains($0.name) && !$0.attached }.map {
            Doubt(
                code: "probe_missing",
                message: "probe \($0.name) is not attached: \($0.reason ?? "for reasons unknown")"
            )
        }
    }

    static func unknown(_ bytes: UInt64, of payload: UInt64, wouldMatter: Bool) -> [Doubt] {
        guard bytes > 0, wouldMatter else { return [] }
        return [
            Doubt(
                code: "unknown_evidence",
                message:
                    "it is not known whether \(Words.bytes(bytes)) of \(Words.bytes(payload)) were copied, which decides the claim"
            )
        ]
    }

    static func folded(_ copies: ClaimedCopies, _ scope: Scope) -> [Doubt] {
        guard !scope.paths.isEmpty, copies.hasFoldedRows else { return [] }
        return [
            Doubt(
                code: "files_folded",
                message: "the process had more files than are kept apart, so some that match the path may be missing")
        ]
    }
}

extension Words {
    static func bytes(_ value: UInt64) -> String {
        let units: [(String, Double)] = [("GiB", 0x1p30), ("MiB", 0x1p20), ("KiB", 0x1p10)]
        for (name, size) in units where Double(value) >= size { return "\(ratio(Double(value) / size)) \(name)" }
        return "\(count(value)) bytes"
    }
}
