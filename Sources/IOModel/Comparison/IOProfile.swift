/// What a program's I/O costs for what it moved: figures that can be compared between two runs of different length.
public struct IOProfile: Sendable, Equatable {
    /// Processes of one name are taken together.
    public var comm: String
    public var processes: UInt64 = 0
    public var payload: UInt64 = 0
    public var copied: UInt64 = 0
    public var avoided: UInt64 = 0
    public var unknown: UInt64 = 0
    public var hidden: UInt64 = 0
    public var operations: UInt64 = 0
    public var systemCalls: UInt64 = 0
    public var modeSwitches: UInt64 = 0
    public var contextSwitches: UInt64 = 0
    /// Nanoseconds.
    public var blocked: UInt64 = 0
    /// By the cause's key, nanoseconds.
    public var blockedByCause: [String: UInt64] = [:]
    /// Operations by wait model.
    public var models: [String: UInt64] = [:]
    /// It has a copy ledger.
    public var knowsCopies = true

    public init(comm: String) { self.comm = comm }

    public static func += (sum: inout IOProfile, part: IOProfile) {
        for field in [
            \IOProfile.processes, \.payload, \.copied, \.avoided, \.unknown, \.hidden, \.operations, \.systemCalls,
            \.modeSwitches, \.contextSwitches, \.blocked,
        ] { sum[keyPath: field] &+= part[keyPath: field] }
        sum.blockedByCause.merge(part.blockedByCause, uniquingKeysWith: &+)
        sum.models.merge(part.models, uniquingKeysWith: &+)
        sum.knowsCopies = sum.knowsCopies && part.knowsCopies
    }
}

/// A figure of a profile that can get better or worse.
public enum ProfileMetric: String, CaseIterable, Sendable {
    case amplification
    case hiddenCopies = "hidden_copies"
    case switchesPerMebibyte = "switches_per_mib"
    case systemCallsPerMebibyte = "syscalls_per_mib"
    case contextSwitchesPerMebibyte = "context_switches_per_mib"
    case blockedPerMebibyte = "blocked_ns_per_mib"
    case blockingShare = "blocking_share"

    /// What it measures, in words.
    public var words: String {
        switch self {
        case .amplification: "CPU copies for each byte"
        case .hiddenCopies: "hidden copies for each byte"
        case .switchesPerMebibyte: "mode switches for each MiB"
        case .systemCallsPerMebibyte: "system calls for each MiB"
        case .contextSwitchesPerMebibyte: "context switches for each MiB"
        case .blockedPerMebibyte: "time blocked for each MiB"
        case .blockingShare: "share of blocking operations"
        }
    }

    /// nil: there is nothing to divide by, or it is not known.
    public func value(of profile: IOProfile) -> Double? {
        func ratio(_ part: UInt64, _ whole: UInt64) -> Double? { whole > 0 ? Double(part) / Double(whole) : nil }
        func perMebibyte(_ part: UInt64) -> Double? { ratio(part, profile.payload).map { $0 * 1_048_576 } }
        switch self {
        case .amplification: return profile.knowsCopies ? ratio(profile.copied, profile.payload) : nil
        case .hiddenCopies: return profile.knowsCopies ? ratio(profile.hidden, profile.payload) : nil
        case .switchesPerMebibyte: return perMebibyte(profile.modeSwitches)
        case .systemCallsPerMebibyte: return perMebibyte(profile.systemCalls)
        case .contextSwitchesPerMebibyte: return perMebibyte(profile.contextSwitches)
        case .blockedPerMebibyte: return perMebibyte(profile.blocked)
        case .blockingShare:
            return ratio(profile.models[WaitModel.blocking.rawValue] ?? 0, profile.models.values.reduce(0, &+))
        }
    }

    /// Times and context switches depend on what else the machine does: they are told, and are no regression.
    public var isOfTheMachine: Bool { self == .contextSwitchesPerMebibyte || self == .blockedPerMebibyte }

    /// A change below this is noise, whatever its share: a header more or less, a page fault.
    var floor: Double {
        switch self {
        case .amplification, .hiddenCopies, .blockingShare: 0.01
        case .switchesPerMebibyte: 2
        case .systemCallsPerMebibyte, .contextSwitchesPerMebibyte: 1
        case .blockedPerMebibyte: 1_000_000
        }
    }
}
