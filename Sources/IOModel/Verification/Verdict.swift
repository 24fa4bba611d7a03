/// Whether a claim holds. In the order of weight: of several, the largest counts.
public enum Outcome: Int, Comparable, Sendable {
    case pass
    /// It cannot be said: never a pass.
    case inconclusive
    case fail

    public static func < (left: Outcome, right: Outcome) -> Bool { left.rawValue < right.rawValue }

    public var key: String { "\(self)" }
}

/// Why a claim cannot be judged.
public struct Doubt: Sendable, Hashable {
    /// Stable name of the kind.
    public var code: String
    public var message: String

    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }
}

/// Part of a measured value: where it came from.
public struct Contributor: Sendable, Equatable {
    /// System calls or an operation, as in the report; several are those that may have done it.
    public var operation: String
    /// nil where it is no fd's.
    public var fd: Int32?
    /// Path, or addresses; nil where it is no fd's.
    public var target: String?
    /// In the unit of `unit`.
    public var value: Double
    public var unit: ClaimKind.Unit
    public var reason: String

    public init(
        operation: String, file: FileIdentity? = nil, value: Double, unit: ClaimKind.Unit, reason: String
    ) {
        self.operation = operation
        fd = file.flatMap { $0.fd >= 0 ? $0.fd : nil }
        target = file?.name
        self.value = value
        self.unit = unit
        self.reason = reason
    }

    /// As many as a verdict names.
    static let limit = 3
}

/// A claim judged for one process, or for the whole scope.
public struct Judgment: Sendable, Equatable {
    public var outcome: Outcome
    /// In the claim's unit; nil when it was not measured.
    public var measured: Double?
    /// What the value rests on, in words.
    public var evidence: String
    public var doubts: [Doubt]
    /// The largest first, three at most.
    public var contributors: [Contributor]
    /// What would make the claim hold.
    public var remedy: String?

    public init(
        outcome: Outcome, measured: Double? = nil, evidence: String = "", doubts: [Doubt] = [],
        contributors: [Contributor] = [], remedy: String? = nil
    ) {
        self.outcome = outcome
        self.measured = measured
        self.evidence = evidence
        self.doubts = doubts
        self.contributors = Array(contributors.prefix(Contributor.limit))
        self.remedy = remedy
    }

    /// A measured value that breaks the claim fails it, doubts or not; one that holds passes only without a doubt.
    static func of(
        _ kind: ClaimKind, measured: Double, evidence: String, doubts: [Doubt] = [], contributors: [Contributor] = [],
        remedy: String? = nil
    ) -> Judgment {
        let holds = kind.holds(measured)
        return Judgment(
            outcome: !holds ? .fail : doubts.isEmpty ? .pass : .inconclusive, measured: measured, evidence: evidence,
            doubts: doubts, contributors: contributors, remedy: holds ? nil : remedy)
    }
}

/// What became of a claim in all runs and processes.
public struct ClaimVerdict: Sendable {
    public struct Subject: Sendable {
        /// From 1.
        public var run: Int
        /// nil: the whole scope.
        public var pid: UInt32?
        public var comm: String?
        public var judgment: Judgment
    }

    public var claim: Claim
    public var outcome: Outcome
    /// The worst first; at most `subjectLimit`.
    public var subjects: [Subject]
    /// How many were judged.
    public var judged: Int

    public static let subjectLimit = 10

    /// What decides: the worst.
    public var worst: Subject { subjects[0] }
}

/// The verdicts on all claims.
public struct Verdict: Sendable {
    public var claims: [ClaimVerdict]

    public init(claims: [ClaimVerdict]) { self.claims = claims }

    /// Without a claim (when a baseline is written) none is broken.
    public var outcome: Outcome { claims.map(\.outcome).max() ?? .pass }

    public func count(_ outcome: Outcome) -> Int { claims.count { $0.outcome == outcome } }
}
