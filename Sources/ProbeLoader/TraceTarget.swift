/// Which processes the probes count. The filter runs in the kernel.
public enum TraceTarget: Sendable, Equatable {
    /// Process ids; those that wait for an exec are counted from its first instruction on.
    case pids([UInt32], awaitingExec: Bool)
    /// Processes whose name (at most 15 bytes count) is or becomes this one.
    case comm(String)
    /// Members of a cgroup (v2) and of those below it, by the inode number of its directory.
    case cgroup(id: UInt64)
    /// Every user process but the tracer.
    case all
}

/// Which requests of io_uring and Linux AIO are timed from submission to completion; as `bpf/include/requests.h` has it.
public enum RequestTiming: UInt32, Sendable {
    case none
    /// One in eight.
    case sampled
    case all
}

public struct TracerConfiguration: Sendable {
    public var target: TraceTarget
    /// Children of a target are targets.
    public var follow: Bool
    /// The tracer's own pid.
    public var ownPID: UInt32
    /// Keep the copy ledger. Without it the probes that only it needs are not loaded.
    public var accountsCopies: Bool
    /// Samples of the CPU clock a second on each CPU; nil: none.
    public var samplingFrequency: UInt64?
    public var requestTiming: RequestTiming
    /// Put operations down to wait models; without it for benchmarks only.
    public var classifies: Bool
    /// Caps the entries of the process, call and file maps; for tests that fill them.
    public var mapLimit: UInt32?

    public init(
        target: TraceTarget, follow: Bool = true, ownPID: UInt32, accountsCopies: Bool = true,
        samplingFrequency: UInt64? = nil, requestTiming: RequestTiming = .sampled,
        classifies: Bool = true,
        mapLimit: UInt32? = nil
    ) {
        self.target = target
        self.follow = follow
        self.ownPID = ownPID
        self.accountsCopies = accountsCopies
        self.samplingFrequency = accountsCopies ? samplingFrequency : nil
        self.requestTiming = requestTiming
        self.classifies = classifies
        self.mapLimit = mapLimit
    }
}
