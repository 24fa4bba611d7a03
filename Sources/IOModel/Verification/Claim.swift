/// What is claimed of a program's I/O. docs/verify.md says what each kind measures.
public enum ClaimKind: Sendable, Equatable {
    /// What was sent or written went out without a copy by the CPU. Copies by operations that moved fewer bytes than
    /// `allowCopiedBelow`, on average over an fd, are put down to headers.
    case zeroCopy(allowCopiedBelow: UInt64)
    case maxAmplification(Double)
    /// Bytes.
    case maxCopied(UInt64)
    /// At least this share of the operations; nil: it is among the tags.
    case model(ClaimedModel, atLeast: Double?)
    case noModel(ClaimedModel)
    /// Nanoseconds blocked; nil: for any cause.
    case maxBlocked(BlockingCause?, UInt64)
    /// User/kernel mode switches for each operation.
    case maxSwitchesPerOperation(Double)
    case maxSyscallsPerMebibyte(Double)
    case noHiddenCopies
    /// The code of a `Finding`.
    case noFinding(String)
    /// Bytes that must have gone through the scope: without work, other claims mean little.
    case minPayload(UInt64)
    /// No figure is worse than in a baseline by more than this share of it.
    case noRegression(tolerance: Double)

    /// The amplification up to which a transfer counts as free of copies.
    public static let zeroCopyLimit = 0.01
    /// The share from which a model is among the tags.
    public static let modelThreshold = 0.01

    /// Its name in a policy, in documents and, with two dashes before it, on the command line.
    public var key: String {
        switch self {
        case .zeroCopy: "zero-copy"
        case .maxAmplification: "max-amplification"
        case .maxCopied: "max-copied"
        case .model: "model"
        case .noModel: "no-model"
        case .maxBlocked: "max-blocked"
        case .maxSwitchesPerOperation: "max-switches-per-op"
        case .maxSyscallsPerMebibyte: "max-syscalls-per-mib"
        case .noHiddenCopies: "no-hidden-copies"
        case .noFinding: "no-finding"
        case .minPayload: "min-payload"
        case .noRegression: "baseline"
        }
    }

    /// What the claim is about, where that is not said by its key.
    public var subject: String? {
        switch self {
        case .model(let model, _), .noModel(let model): model.rawValue
        case .maxBlocked(let cause, _): cause?.key ?? "any"
        case .noFinding(let code): code
        default: nil
        }
    }

    /// What a measured value must be to hold.
    public enum Comparison: String, Sendable {
        case atMost = "at_most"
        case atLeast = "at_least"
        case below
    }

    public var comparison: Comparison {
        switch self {
        case .model, .minPayload: .atLeast
        case .noModel: .below
        default: .atMost
        }
    }

    public enum Unit: String, Sendable {
        case ratio, bytes, share
        case nanoseconds = "ns"
        case count
    }

    public var unit: Unit {
        switch self {
        case .zeroCopy, .maxAmplification, .maxSwitchesPerOperation, .maxSyscallsPerMebibyte: .ratio
        case .maxCopied, .noHiddenCopies, .minPayload: .bytes
        case .model, .noModel: .share
        case .maxBlocked: .nanoseconds
        case .noFinding, .noRegression: .count
        }
    }

    public var limit: Double {
        switch self {
        case .zeroCopy: Self.zeroCopyLimit
        case .maxAmplification(let limit), .maxSwitchesPerOperation(let limit), .maxSyscallsPerMebibyte(let limit):
            limit
        case .maxCopied(let limit), .maxBlocked(_, let limit), .minPayload(let limit): Double(limit)
        case .model(_, let share): share ?? Self.modelThreshold
        case .noModel: Self.modelThreshold
        case .noHiddenCopies, .noFinding, .noRegression: 0
        }
    }

    func holds(_ measured: Double) -> Bool {
        switch comparison {
        case .atMost: measured <= limit
        case .atLeast: measured >= limit
        case .below: measured < limit
        }
    }
}

/// A model that can be claimed: the tags of a process.
public enum ClaimedModel: String, CaseIterable, Sendable {
    case blocking, nonblocking, multiplexed, async
    case zeroCopy = "zero-copy"
}

/// A claim, of which processes and fds it is made, and why.
public struct Claim: Sendable, Equatable {
    public var name: String
    public var kind: ClaimKind
    public var scope: Scope
    /// Why somebody claims it: shown where it is broken.
    public var reason: String?
    /// Where it stands in its policy.
    public var line: Int?

    public init(name: String? = nil, _ kind: ClaimKind, scope: Scope = Scope(), reason: String? = nil) {
        self.name = name ?? [kind.key, kind.subject].compactMap { $0 }.joined(separator: " ")
        self.kind = kind
        self.scope = scope
        self.reason = reason
    }
}
