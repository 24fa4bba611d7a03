internal import CLibbpf
internal import CLinuxShims
internal import CProbeABI
public import IOModel
internal import Glibc

/// One program of the tracer, and what the report loses without it.
public struct ProbeDescription: Sendable {
    /// The BPF program's name.
    public let program: String
    /// The kernel's tracepoint, or `iter/task`.
    public let hook: String
    public let feeds: String
    /// Without it there is nothing to report.
    public let required: Bool
    /// Only the copy ledger needs it.
    public let ledger: Bool
    /// Attached on demand instead of for the whole trace.
    public let onDemand: Bool
    /// The tracepoint has this many arguments where this program fits; nil: always.
    let arguments: Int?
    /// Where the kernel has this tracepoint instead, another program does the same.
    let otherwise: String?

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
        .init("count_fault", "page_fault_user", "page faults in mode switches, pages copied on write"),
        .init("count_kernel_fault", "page_fault_kernel", "pages copied on write in system calls", ledger: true),
        .init("count_mapped", "mm_filemap_map_pages", "bytes of mapped files", ledger: true),
        .init("count_fetched", "mm_filemap_fault", "bytes of mapped files", ledger: true),
        .init("count_bio", "block_bio_queue", "DMA of fds, DMA out", ledger: true),
        .init("begin_direct", "iomap_dio_rw_begin", "direct I/O of io_uring and Linux AIO", ledger: true),
        .init("end_direct", "iomap_dio_complete", "direct I/O, observed", ledger: true),
        .init("end_direct_nested", "iomap_dio_complete", "direct I/O that completes in an interrupt", ledger: true),
        .init("watch_transmit", "net_dev_start_xmit", "zero-copy sends whose completion is not read", ledger: true),
        .init(
            "watch_submission", "io_uring_submit_req", "requests submitted to io_uring, and their times", ledger: true,
            otherwise: "io_uring_submit_sqe"),
        .init(
            "watch_submission_by_sqe", "io_uring_submit_sqe", "requests submitted to io_uring, and their times",
            ledger: true,
            arguments: 2, otherwise: "io_uring_submit_req"),
        .init("count_completion", "io_uring_complete", "bytes of io_uring", ledger: true, arguments: 3),
        .init("count_completion_by_value", "io_uring_complete", "bytes of io_uring", ledger: true, arguments: 7),
        .init("note_created_ring", "io_uring_create", "fds of rings", ledger: true),
        .init("note_poll_armed", "io_uring_poll_arm", "io_uring requests that wait for readiness", ledger: true),
        .init("note_punted", "io_uring_queue_async_work", "io_uring requests that a worker does", ledger: true),
        .init(
            "count_overflow", "io_uring_cqe_overflow", "bytes of io_uring when its completion queue is full",
            ledger: true),
        .init("find_symbols", "syscall", "hidden copies of splice and sendfile, CPU time spent copying", ledger: true),
        .init("take_sample", "perf_event", "CPU time spent copying", ledger: true, onDemand: true),
        .init("move_thread", "cgroup_attach_task", "processes moved in and out of --cgroup"),
        .init("count_signal", "signal_generate", "signals that say an fd is ready"),
        .init("count_handled_signal", "signal_deliver", "signals that say an fd is ready, and were handled"),
        .init("time_entry", "sys_enter", "latency histograms and time in calls", onDemand: true),
    ]

    private init(
        _ program: String, _ hook: String, _ feeds: String, required: Bool = false, ledger: Bool = false,
        onDemand: Bool = false,
        arguments: Int? = nil, otherwise: String? = nil
    ) {
        self.program = program
        self.hook = hook
        self.feeds = feeds
        self.required = required
        self.ledger = ledger
        self.onDemand = onDemand
        self.arguments = arguments
        self.otherwise = otherwise
    }

    /// Every run of it counts. The scheduler's probes make up for a wake-up that they did not see, the two of direct I/O
    /// for each other, and samples are samples.
    var counts: Bool {
        usesTracepoint && !["wake_thread", "switch_threads", "end_direct", "end_direct_nested"].contains(program)
    }

    /// Hooked to a tracepoint, which a kernel may lack.
    var usesTracepoint: Bool { !hook.hasPrefix("iter/") && hook != "syscall" && hook != "perf_event" }
}

/// The tracer's programs and maps, loaded into the kernel and not yet attached.
///
/// Loading is by trying: a tracepoint that the kernel's BTF lacks, or a program that its verifier refuses, is left out with
/// the reason, unless nothing works without it.
public struct LoadedProbes: ~Copyable {
    let object: BPFObject
    /// Those that fit this kernel's tracepoints, in the order of `probes`.
    public let descriptions: [ProbeDescription]
    public private(set) var probes: [Tool.Probe]
    private let samplingFrequency: UInt64?

    public init(_ configuration: TracerConfiguration) throws(ProbeError) {
        return_large_blocks()
        let opening = try OpenedImage(mapLimit: configuration.mapLimit)
        let hooks = opening.hooks
        var missing: [String: String] = [:]
        for probe in ProbeDescription.all where probe.usesTracepoint && !hooks.hasTracepoint(probe.hook) {
            missing[probe.program] = "this kernel has no tracepoint \(probe.hook)"
        }
        if configuration.samplingFrequency == nil { missing["take_sample"] = "sampling is off (--no-sampling)" }
        let others = ProbeDescription.all.filter { probe in
            guard let found = hooks.argumentCount(ofTracepoint: probe.hook) else {
                return probe.otherwise.map { hooks.hasTracepoint($0) } ?? false
            }
            return probe.arguments.map { $0 != found } ?? false
        }.map(\.program)
        let unneeded = ProbeDescription.all.filter { $0.ledger && !configuration.accountsCopies }.map(\.program)
        let fitting = ProbeDescription.all.filter { !(others + unneeded).contains($0.program) }
        try Self.require(ProbeDescription.all, without: missing)
        try opening.objects[0].configure(
            configuration, hasReadOnlyCast: hooks.hasFunction("bpf_rdonly_cast"),
            hasIOMapEvents: hooks.hasTracepoint("iomap_dio_complete"))
        let programs = Set(ProbeDescription.all.map(\.program)).subtracting(missing.keys).subtracting(
            others + unneeded)
        let loaded = try Self.load(programs, opening, &missing)
        if configuration.accountsCopies, missing["find_symbols"] == nil,
            let reason = try KernelSymbols.resolve(in: loaded)
        {
            missing["find_symbols"] = "\(reason) — needs CAP_SYSLOG, or kernel.kptr_restrict below 2"
            missing["take_sample"] = missing["take_sample"] ?? "the copy routines' addresses are not known"
        }
        object = loaded
        descriptions = fitting
        samplingFrequency = configuration.samplingFrequency
        probes = fitting.map {
            Tool.Probe(name: $0.program, attached: missing[$0.program] == nil, reason: missing[$0.program])
        }
    }

    /// About half of the work: it is done while that for the other programs is.
    private static let large: Set = ["count_call"]

    /// Loads the programs as two objects at the same time, one of which leads to the other.
    private static func load(
        _ programs: Set<String>, _ image: OpenedImage, _ missing: inout [String: String]
    ) throws(ProbeError) -> BPFObject {
        try image.maps.finish()
        let large = PartialLoad(programs.intersection(Self.large), of: image.objects[0], in: image)
        let rest = PartialLoad(programs.subtracting(Self.large), of: image.objects[1], in: image)
        concurrently({ large.run() }, { rest.run() })
        for part in [large, rest] { missing.merge(part.refused) { $1 } }
        try require(ProbeDescription.all, without: missing)
        let object = try large.result()
        object.other = try rest.result()
        return object
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

    /// Attaches every program that is not on demand. From here on the targets are counted.
    public consuming func attach() throws(ProbeError) -> AttachedProbes {
        return_freed_memory()  // loading took some 15 MiB for the kernel's types, in the arenas of two threads
        var links: [BPFLink] = []
        var probes = self.probes
        var sampling: CPUSampling?
        for (index, probe) in descriptions.enumerated() where probes[index].attached {
            do {
                if probe.hook == "perf_event", let samplingFrequency {
                    sampling = try CPUSampling(object, frequency: samplingFrequency)
                }
                guard probe.usesTracepoint, !probe.onDemand else { continue }
                links.append(try object.attach(probe.program))
            } catch {
                if probe.required { throw error }
                probes[index] = Tool.Probe(name: probe.program, attached: false, reason: error.description)
            }
        }
        return AttachedProbes(
            object: object, links: links, sampling: sampling, descriptions: descriptions, probes: probes)
    }
}
