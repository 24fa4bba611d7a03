internal import CLibbpf
internal import CProbeABI
public import IOModel
internal import Glibc
internal import ProbeImages

/// One program of the tracer, and what the report loses without it.
public struct ProbeDescription: Sendable {
    /// The BPF program's name.
    public let program: String
    /// The kernel's tracepoint, or `iter/task`.
    public let hook: String
    public let feeds: String
    /// Without it there is nothing to report.
    public let required: Bool
    /// Attached on demand instead of for the whole trace.
    public let onDemand: Bool

    public static let all: [ProbeDescription] = [
        .init("count_call", "sys_exit", "system calls, bytes, files", required: true),
        .init("seed_threads", "iter/task", "threads that exist when tracing begins", required: true),
        .init("sample_threads", "iter/task", "reading the counters of live threads", required: true),
        .init("close_threads", "iter/task", "ending the window of all threads together", required: true),
        .init("begin_thread", "task_newtask", "threads and children born later", required: true),
        .init("note_exec", "sched_process_exec", "commands, --comm, tracing a command from its start", required: true),
        .init("end_thread", "sched_process_exit", "threads and processes that end", required: true),
        .init("switch_threads", "sched_switch", "blocked time, run-queue time and their causes"),
        .init("wake_thread", "sched_wakeup", "the line between blocked and run-queue time"),
        .init("count_fault", "page_fault_user", "page faults in mode switches"),
        .init("move_thread", "cgroup_attach_task", "processes moved in and out of --cgroup"),
        .init("time_entry", "sys_enter", "latency histograms and time in calls", onDemand: true),
    ]

    private init(_ program: String, _ hook: String, _ feeds: String, required: Bool = false, onDemand: Bool = false) {
        self.program = program
        self.hook = hook
        self.feeds = feeds
        self.required = required
        self.onDemand = onDemand
    }
}

/// The tracer's programs and maps, loaded into the kernel and not yet attached.
///
/// Loading is by trying: a tracepoint that the kernel's BTF lacks, or a program that its verifier refuses, is left out with
/// the reason, unless nothing works without it.
public struct LoadedProbes: ~Copyable {
    let object: BPFObject
    public private(set) var probes: [Tool.Probe]

    public init(_ configuration: TracerConfiguration) throws(ProbeError) {
        let types = try KernelTypes()
        var missing: [String: String] = [:]
        for probe in ProbeDescription.all where !probe.hook.hasPrefix("iter/") && !types.hasTracepoint(probe.hook) {
            missing[probe.program] = "this kernel has no tracepoint \(probe.hook)"
        }
        let image = ProbeImage.tracer.bytes
        while true {
            try Self.require(ProbeDescription.all, without: missing)
            let object = try BPFObject(image: image, name: "iotrace")
            try object.configure(configuration, hasReadOnlyCast: types.hasFunction("bpf_rdonly_cast"))
            for program in missing.keys { object.leaveOut(program) }
            let (failure, log) = LibbpfLog.capturing { object.load() }
            if failure == 0 {
                self.object = object
                self.probes = ProbeDescription.all.map {
                    Tool.Probe(name: $0.program, attached: missing[$0.program] == nil, reason: missing[$0.program])
                }
                return
            }
            guard let program = Self.refused(in: log), missing[program] == nil else {
                throw ProbeError("loading the probes", errorNumber: failure)
            }
            let verdict = Self.verdict(in: log)
            if failure == EPERM || failure == EACCES, verdict == nil {  // refused before the verifier looked at it
                throw ProbeError("loading probe \(program)", errorNumber: failure)
            }
            missing[program] =
                "the kernel refused it: \(ProbeError.name(of: failure))" + (verdict.map { ": \($0)" } ?? "")
        }
    }

    private static func require(_ probes: [ProbeDescription], without missing: [String: String]) throws(ProbeError) {
        for probe in probes where probe.required {
            if let reason = missing[probe.program] {
                throw ProbeError(
                    "loading probe \(probe.program) (\(probe.hook))", errorNumber: 0,
                    advice: "\(reason); tracing is not possible on this kernel")
            }
        }
    }

    /// The program that libbpf says failed: `prog 'NAME': failed to load: -13`.
    private static func refused(in log: [String]) -> String? {
        for line in log where line.contains("failed to load") || line.contains("BPF program load failed") {
            let parts = line.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
            if line.contains("prog '"), parts.count == 3 { return String(parts[1]) }
        }
        return nil
    }

    /// The verifier's last words before its statistics; nil when it did not get that far.
    private static func verdict(in log: [String]) -> String? {
        let lines = log.joined().split(separator: "\n")
        guard let end = lines.lastIndex(where: { $0.hasPrefix("processed ") }), end > 0 else { return nil }
        return lines[max(0, end - 2)..<end].joined(separator: "; ")
    }

    /// Attaches every program that is not on demand. From here on the targets are counted.
    public consuming func attach() throws(ProbeError) -> AttachedProbes {
        var links: [BPFLink] = []
        var probes = self.probes
        for (index, probe) in ProbeDescription.all.enumerated() where probes[index].attached && !probe.onDemand {
            if probe.hook.hasPrefix("iter/") { continue }
            do {
                links.append(try object.attach(probe.program))
            } catch {
                if probe.required { throw error }
                probes[index] = Tool.Probe(name: probe.program, attached: false, reason: error.description)
            }
        }
        return AttachedProbes(object: object, links: links, probes: probes)
    }
}
