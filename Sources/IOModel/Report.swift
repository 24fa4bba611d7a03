/// Everything that a report says, whatever it is printed as. The document `iotrace.report/1` is its JSON.
public struct Report: Sendable {
    public var tool: Tool
    public var window: Window
    public var losses: Losses
    public var overhead: Overhead
    public var warnings: [Warning]
    public var processes: [ProcessFigures]

    public init(
        tool: Tool, window: Window, losses: Losses = Losses(), overhead: Overhead = Overhead(),
        warnings: [Warning] = [],
        processes: [ProcessFigures] = []
    ) {
        self.tool = tool
        self.window = window
        self.losses = losses
        self.overhead = overhead
        self.warnings = warnings
        self.processes = processes
    }

    /// The processes added up. Files are not: an fd is a process's own.
    public var totals: ProcessFigures {
        var sum = ProcessFigures(identity: ProcessIdentity(id: 0, pid: 0, ppid: 0, comm: ""))
        for process in processes {
            var part = process
            // What zero-copy sends became is known per socket, and models per fd; other rows do not add up.
            part.files = [:]
            for (id, file) in process.files
            where file.ledger.zeroCopySent > 0 || file.models.contains(where: { !$0.isZero }) {
                part.files[id] = file
            }
            part.pairs = [:]
            part.threadCopies = [:]
            part.identity = sum.identity
            let threads = sum.threads &+ part.threads
            sum += part
            sum.threads = threads
        }
        return sum
    }
}

/// The tracer that made the figures, and what it could use.
public struct Tool: Sendable, Equatable {
    public struct Probe: Sendable, Equatable {
        public var name: String
        public var attached: Bool
        /// Why it is not attached; nil when it is.
        public var reason: String?

        public init(name: String, attached: Bool, reason: String? = nil) {
            self.name = name
            self.attached = attached
            self.reason = reason
        }
    }

    public static let version = "0.2.0"

    public func isAttached(_ probe: String) -> Bool { probes.contains { $0.name == probe && $0.attached } }

    public var version: String
    public var kernel: String
    public var tier: String
    public var probes: [Probe]

    public init(version: String = Tool.version, kernel: String, tier: String = "tracepoint", probes: [Probe] = []) {
        self.version = version
        self.kernel = kernel
        self.tier = tier
        self.probes = probes
    }
}

/// When it was measured.
public struct Window: Sendable, Equatable {
    public enum End: String, Sendable { case exit, duration, signal }

    public var startedUnixNanoseconds: UInt64
    public var duration: UInt64
    /// nil while a recording grows, or when its recorder was killed.
    public var end: End?
    /// Calls cut by the window's edges. They are not losses.
    public var inFlightAtStart: UInt64
    public var inFlightAtEnd: UInt64

    public init(
        startedUnixNanoseconds: UInt64, duration: UInt64 = 0, end: End? = nil, inFlightAtStart: UInt64 = 0,
        inFlightAtEnd: UInt64 = 0
    ) {
        self.startedUnixNanoseconds = startedUnixNanoseconds
        self.duration = duration
        self.end = end
        self.inFlightAtStart = inFlightAtStart
        self.inFlightAtEnd = inFlightAtEnd
    }
}

/// What measuring cost. nil: not measured.
public struct Overhead: Sendable, Equatable {
    /// Estimated from windows in which the kernel timed its BPF programs.
    public var probeNanoseconds: UInt64?
    public var probeRuns: UInt64?
    /// By how much all programs of the machine were slowed down together: the probes' time without what the accounting adds
    /// to it, and for each run the kernel's way to the probe and back, which no program's time has in it. Estimated.
    public var addedNanoseconds: UInt64?
    /// User and system time of the tracer itself.
    public var collectorNanoseconds: UInt64?
    /// The tracer's largest resident memory so far, bytes (getrusage(2), ru_maxrss).
    public var collectorMemory: UInt64?

    public init(
        probeNanoseconds: UInt64? = nil, probeRuns: UInt64? = nil, addedNanoseconds: UInt64? = nil,
        collectorNanoseconds: UInt64? = nil, collectorMemory: UInt64? = nil
    ) {
        self.addedNanoseconds = addedNanoseconds
        self.collectorMemory = collectorMemory
        self.probeNanoseconds = probeNanoseconds
        self.probeRuns = probeRuns
        self.collectorNanoseconds = collectorNanoseconds
    }

    /// What tracing took, as a share of the CPU time that the target used itself.
    /// - Parameter target: nanoseconds.
    public func share(ofTarget target: UInt64) -> Double? {
        guard let probes = addedNanoseconds ?? probeNanoseconds, let collectorNanoseconds, target > 0 else {
            return nil
        }
        return (Double(probes) + Double(collectorNanoseconds)) / Double(target)
    }
}

/// A way in which the figures may be incomplete or misread, with what to do about it.
public struct Warning: Sendable, Equatable {
    public var code: String
    public var message: String
    public var advice: String

    public init(code: String, message: String, advice: String) {
        self.code = code
        self.message = message
        self.advice = advice
    }

    public static func losses(_ losses: Losses) -> Warning? {
        guard !losses.isZero else { return nil }
        return Warning(
            code: "losses", message: "some activity could not be recorded; see losses",
            advice: "trace fewer processes, or for a shorter time")
    }

    public static let nothingTraced = Warning(
        code: "nothing_traced", message: "no process matched the target while tracing",
        advice: "check the pid, name or cgroup, or trace for longer")

    public static func probeMissing(_ probe: Tool.Probe) -> Warning {
        Warning(
            code: "probe_missing", message: "probe \(probe.name) is not attached: \(probe.reason ?? "unknown")",
            advice: "`iotrace doctor` says what depends on it")
    }

    public static func filesFolded(_ process: ProcessIdentity, rows: UInt64) -> Warning {
        Warning(
            code: "files_folded",
            message: "\(process.comm) (\(process.pid)) opened more files than the report lists; \(rows) are added up",
            advice: "their bytes are in the rows marked with more than one open; syscalls are complete")
    }

    public static func recordingTruncated(_ why: String) -> Warning {
        Warning(
            code: "recording_truncated", message: "the recording has no end line: \(why)",
            advice: "at most its last interval is missing")
    }
}
