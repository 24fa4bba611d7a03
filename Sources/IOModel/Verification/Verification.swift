/// Judges claims by what was measured: figures, losses and probes in, verdicts out. docs/verify.md has the rules.
///
/// A claim is judged for every process in its scope that moved payload, and in every run; the worst decides. Where nothing was
/// judged nothing is known, so the claim is inconclusive.
public struct Verification {
    private let claims: [Claim]
    private var states: [State]
    private var runs = 0

    private struct State {
        var subjects: [ClaimVerdict.Subject] = []
        var judged = 0

        /// Keeps the worst, and of those the first.
        mutating func add(_ subject: ClaimVerdict.Subject) {
            judged += 1
            let place =
                subjects.firstIndex { $0.judgment.outcome < subject.judgment.outcome } ?? subjects.count
            guard place < ClaimVerdict.subjectLimit else { return }
            subjects.insert(subject, at: place)
            if subjects.count > ClaimVerdict.subjectLimit { subjects.removeLast() }
        }
    }

    public init(_ claims: [Claim]) {
        self.claims = claims
        states = claims.map { _ in State() }
    }

    /// Judges one run.
    /// - Parameters:
    ///   - doubts: of the whole run, such as a command that failed.
    ///   - comparison: with the baseline.
    public mutating func add(_ report: Report, doubts: [Doubt] = [], comparison: Comparison? = nil) {
        runs += 1
        let doubts = Doubts.losses(report.losses) + doubts
        let subjects = report.processes.map { Subject($0, tool: report.tool) }
        for (index, claim) in claims.enumerated() {
            let inScope = subjects.filter { claim.scope.contains($0.process.identity) }
            let before = states[index].judged
            if case .minPayload = claim.kind {
                if let judgment = payload(claim, inScope, doubts) { add(judgment, nil, to: index) }
            } else if case .noRegression = claim.kind {
                add(regression(claim, comparison, doubts), nil, to: index)
            } else {
                for subject in inScope {
                    let judge = Judge(claim: claim, subject: subject, doubts: doubts)
                    if let judgment = judge.judgment() { add(judgment, subject.process.identity, to: index) }
                }
            }
            guard states[index].judged == before else { continue }
            let (judgment, identity) = nothing(claim, inScope, of: subjects, doubts)
            add(judgment, identity, to: index)
        }
    }

    private mutating func add(_ judgment: Judgment, _ identity: ProcessIdentity?, to index: Int) {
        states[index].add(.init(run: runs, pid: identity?.pid, comm: identity?.comm, judgment: judgment))
    }

    /// Without a run, every claim is inconclusive for the reason given.
    public func verdict(unless doubt: Doubt? = nil) -> Verdict {
        Verdict(
            claims: zip(claims, states).map { claim, state in
                var state = state
                if state.subjects.isEmpty {
                    let doubt = doubt ?? Doubt(code: "not_run", message: "nothing was traced")
                    state.subjects = [.init(run: 0, judgment: Judgment(outcome: .inconclusive, doubts: [doubt]))]
                }
                return ClaimVerdict(
                    claim: claim, outcome: state.subjects[0].judgment.outcome, subjects: state.subjects,
                    judged: state.judged)
            })
    }

    private func payload(_ claim: Claim, _ inScope: [Subject], _ doubts: [Doubt]) -> Judgment? {
        let parts = inScope.map { ($0, $0.payload(claim.scope)) }.filter { $0.1 > 0 }
        guard !parts.isEmpty else { return nil }
        let sum = parts.reduce(0) { $0 &+ $1.1 }
        // Too little may be what was lost.
        let holds = claim.kind.holds(Double(sum))
        return Judgment(
            outcome: !doubts.isEmpty ? .inconclusive : holds ? .pass : .fail, measured: Double(sum),
            evidence:
                "\(Words.bytes(sum)) went through \(Words.plural(UInt64(parts.count), "process", "processes")) in scope",
            doubts: doubts,
            contributors: parts.sorted { $0.1 > $1.1 }.prefix(Contributor.limit).map { subject, bytes in
                Contributor(
                    operation: subject.process.identity.comm, value: Double(bytes), unit: .bytes,
                    reason: "went through process \(subject.process.identity.pid)")
            }, remedy: holds ? nil : "give the target more to do, or ask for less")
    }

    private func regression(_ claim: Claim, _ comparison: Comparison?, _ doubts: [Doubt]) -> Judgment {
        guard let comparison else {
            let doubt = Doubt(code: "no_baseline", message: "there is nothing to compare with")
            return Judgment(outcome: .inconclusive, doubts: doubts + [doubt])
        }
        let worse = comparison.regressions
        let doubts = doubts + comparison.doubts
        // Figures that are incomplete may look worse than they are.
        return Judgment(
            outcome: !worse.isEmpty && !doubts.contains { $0.code == "losses" || $0.code == "command_failed" }
                ? .fail : worse.isEmpty && doubts.isEmpty ? .pass : .inconclusive,
            measured: Double(worse.count),
            evidence: "\(Words.count(UInt64(comparison.changes.count))) figures compared with the baseline",
            doubts: doubts,
            contributors: worse.map { change in
                Contributor(
                    operation: change.comm, value: change.after ?? 0,
                    unit: change.metric == .blockingShare ? .share : .ratio,
                    reason: "\(change.metric.words): \(Words.ratio(change.before ?? 0)) in the baseline")
            },
            remedy: worse.isEmpty
                ? nil : "see what changed (iotrace diff), or take the new figures over with --update-baseline")
    }

    /// Nothing in scope moved payload. What broke a limit all the same has broken it.
    private func nothing(_ claim: Claim, _ inScope: [Subject], of all: [Subject], _ doubts: [Doubt])
        -> (Judgment, ProcessIdentity?)
    {
        if case .maxBlocked(let cause, _) = claim.kind {
            for subject in inScope {
                let judgment = Judge(claim: claim, subject: subject, doubts: doubts).blockedJudgment(cause)
                if judgment.outcome == .fail { return (judgment, subject.process.identity) }
            }
        }
        let message: String
        let remedy: String
        if all.isEmpty {
            (message, remedy) = ("no process was traced", "check the target")
        } else if inScope.isEmpty {
            let names = Set(all.map(\.process.identity.comm)).sorted()
            let shown = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
            (message, remedy) = (
                "no process is in scope (\(claim.scope.words ?? "")); there were \(shown)",
                "check the claim's scope"
            )
        } else {
            let moved = inScope.reduce(0) { $0 &+ $1.payload(Scope()) }
            let nulls = inScope.contains { $0.copies(Scope()).map { $0.discarded > 0 || $0.zeros > 0 } == true }
            var text =
                "no process in scope \(claim.kind.isOfSentBytes ? "sent or wrote enough" : "moved payload"): \(Words.bytes(moved))"
            if nulls { text += " with /dev/null and its like, which copy nothing" }
            if claim.scope.narrowsFiles { text += " on other fds" }
            (message, remedy) = (text, "let the load do what the claim is about, and see that it did (--min-payload)")
        }
        return (
            Judgment(
                outcome: .inconclusive, doubts: doubts + [Doubt(code: "no_payload", message: message)], remedy: remedy),
            nil
        )
    }
}

extension ClaimKind {
    fileprivate var isOfSentBytes: Bool { if case .zeroCopy = self { true } else { false } }
}
