internal import CLibbpf
internal import CLinuxShims
internal import CProbeABI
internal import Glibc
public import IOModel

/// A thread that was traced from the start, and the call it was in.
public struct SeededThread: Sendable {
    public var tid: UInt32
    public var pid: UInt32
    public var callInProgress: UInt32?
}

/// What the kernel's own accounting says of the tracer's programs while it is switched on. The time includes part of what
/// reading the clock takes, which for the shortest programs is most of it.
public struct ProgramRuns: Sendable, Equatable {
    public var runs: UInt64
    public var nanoseconds: UInt64
    /// Runs at tracepoints, to which the kernel has a way.
    public var hooked: UInt64

    public init(runs: UInt64 = 0, nanoseconds: UInt64 = 0, hooked: UInt64 = 0) {
        self.runs = runs
        self.nanoseconds = nanoseconds
        self.hooked = hooked
    }

    public static func += (sum: inout ProgramRuns, part: ProgramRuns) {
        sum.runs &+= part.runs
        sum.nanoseconds &+= part.nanoseconds
        sum.hooked &+= part.hooked
    }

    public static func - (later: ProgramRuns, earlier: ProgramRuns) -> ProgramRuns {
        ProgramRuns(
            runs: later.runs &- earlier.runs, nanoseconds: later.nanoseconds &- earlier.nanoseconds,
            hooked: later.hooked &- earlier.hooked)
    }
}

/// The tracer at work. Releasing it detaches every program and frees every map.
public struct AttachedProbes: ~Copyable {
    private let object: BPFObject
    private var links: [BPFLink]
    private var entryLink: BPFLink?
    private var sampling: CPUSampling?
    /// In the order of `probes`.
    public let descriptions: [ProbeDescription]
    public let probes: [Tool.Probe]
    private let reader: SnapshotReader?
    private let sampler: TaskIterator
    /// Of the programs that are loaded.
    private let programs: [(fd: Int32, description: ProbeDescription)]

    init(
        object: BPFObject, links: [BPFLink], sampling: consuming CPUSampling?, descriptions: [ProbeDescription],
        probes: [Tool.Probe]
    ) {
        self.object = object
        self.links = links
        self.sampling = sampling
        self.descriptions = descriptions
        self.probes = probes
        reader = try? SnapshotReader(object)
        sampler = TaskIterator(object, program: "sample_threads")
        programs = descriptions.compactMap { probe in
            guard let program = object.program(probe.program) else { return nil }
            let fd = bpf_program__fd(program)
            return fd >= 0 ? (fd, probe) : nil
        }
    }

    /// Names the processes of `TraceTarget.pids`. To be called before `seed`.
    public func addTarget(pid: UInt32, awaitingExec: Bool) throws(ProbeError) {
        var key = pid
        var value = UInt32(awaitingExec ? IOTRACE_PID_AWAIT_EXEC : IOTRACE_PID_RUNNING)
        let failed = bpf_map_update_elem(try object.map("target_pids"), &key, &value, 0)
        guard failed == 0 else { throw ProbeError("adding pid \(pid) to the target", errorNumber: -failed) }
    }

    /// Starts tracing threads that exist already. Walks twice, see `seed_threads`.
    public func seed() throws(ProbeError) -> [SeededThread] {
        var seeded: [SeededThread] = []
        for _ in 0..<2 {
            let bytes = try TaskIterator(object, program: "seed_threads").read()
            bytes.withUnsafeBytes { bytes in
                let size = MemoryLayout<iotrace_seeded_thread>.size
                for start in stride(from: 0, to: bytes.count - size + 1, by: size) {
                    let line = bytes.loadUnaligned(fromByteOffset: start, as: iotrace_seeded_thread.self)
                    seeded.append(
                        SeededThread(
                            tid: line.tid, pid: line.tgid, callInProgress: UInt32(exactly: line.in_call_nr)))
                }
            }
        }
        return seeded
    }

    /// Reads every counter but those of live threads, which `forEachThread` reads. In this order: see `Snapshot`.
    public func snapshot() throws(ProbeError) -> Snapshot {
        guard let reader else { throw ProbeError("finding the maps", errorNumber: ENOENT) }
        var snapshot = try reader.read()
        for program in programs where program.description.counts {
            snapshot.losses.probeSkipped &+= programInformation(program.fd)?.recursion_misses ?? 0
        }
        return snapshot
    }

    /// Calls `body` with each live thread. There may be tens of thousands, so they are never in memory together.
    public func forEachThread(_ body: (Snapshot.ThreadReading) -> Void) throws(ProbeError) {
        try sampler.read { bytes in decodeThreads(bytes, body) }
    }

    /// Frees the records of processes and files whose counters have been taken over.
    /// - Parameter unused: closed files that are not to be opened again.
    public func forget(processes: Set<UInt64>, files: [UInt64], unused: Set<UInt64>, in snapshot: Snapshot) {
        reader?.forget(processes: processes, files: files, unused: unused, in: snapshot)
    }

    /// Timing of call entries on or off. Returns why it is not possible, if so.
    public mutating func timeEntries(_ on: Bool) -> ProbeError? {
        guard on else {
            entryLink = nil
            return nil
        }
        guard entryLink == nil else { return nil }
        do { entryLink = try object.attach("time_entry") } catch { return error }
        return nil
    }

    /// Switches the kernel's accounting of BPF run time on while the returned fd is open; nil when it is refused.
    public func startAccounting() -> Int32? {
        let fd = bpf_enable_stats(BPF_STATS_RUN_TIME)
        return fd >= 0 ? fd : nil
    }

    /// Runs and time of all programs whenever accounting was on, whoever switched it on.
    public func programRuns() -> ProgramRuns {
        var sum = ProgramRuns()
        for program in programs {
            guard let information = programInformation(program.fd) else { continue }
            sum += ProgramRuns(
                runs: information.run_cnt, nanoseconds: information.run_time_ns,
                hooked: program.description.usesTracepoint ? information.run_cnt : 0)
        }
        return sum
    }

    /// What the accounting, which must be on, adds to the time of each run, nanoseconds; nil where that can't be found out.
    public func accountingBias() -> Double? { EmptyProgram()?.accounted() }

    /// Ends the window: the counters stand still from here on. The programs stay attached, since threads that end must still
    /// hand their counters over until they have been read.
    public func closeWindow() throws(ProbeError) {
        _ = try TaskIterator(object, program: "close_threads").read()
        _ = wait_for_running_programs()
        reader?.distrust()
    }

    /// Detaches every program.
    public mutating func detach() {
        entryLink = nil
        sampling = nil
        // In reverse: of two programs at one tracepoint, taking the first away waits for a grace period of RCU, while
        // taking the second does not. kernel/tracepoint.c: tracepoint_remove_func()
        while links.popLast() != nil {}
    }
}

/// A task iterator, which can walk again and again.
final class TaskIterator {
    private let object: BPFObject
    private let program: String
    private var link: BPFLink?
    /// Stays from one walk to the next, as that of `BatchBuffer` does.
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 8)

    init(_ object: BPFObject, program: String) {
        self.object = object
        self.program = program
    }

    deinit { buffer.deallocate() }

    /// Everything that the program writes.
    func read() throws(ProbeError) -> [UInt8] {
        var output: [UInt8] = []
        try read { bytes in
            output += bytes
            return bytes.count
        }
        return output
    }

    /// Hands over what the program writes piece by piece.
    /// - Parameter body: returns how many of the bytes it has used up; it gets the rest again with the next piece.
    func read(_ body: (UnsafeRawBufferPointer) -> Int) throws(ProbeError) {
        if link == nil { link = try attach() }
        let fd = bpf_iter_create(link!.fileDescriptor)
        guard fd >= 0 else { throw ProbeError("starting probe \(program)", errorNumber: -fd) }
        defer { close(fd) }
        var filled = 0
        while true {
            let count = Glibc.read(fd, buffer.baseAddress! + filled, buffer.count - filled)
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                throw ProbeError("reading threads from the kernel", errorNumber: errno)
            }
            if count == 0 { return }
            filled += count
            let used = body(UnsafeRawBufferPointer(rebasing: buffer[..<filled]))
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[used..<filled]))
            filled -= used
        }
    }

    private func attach() throws(ProbeError) -> BPFLink {
        guard let found = object.program(program) else {
            throw ProbeError("finding probe \(program)", errorNumber: ENOENT)
        }
        let (attached, _) = LibbpfLog.capturing { bpf_program__attach_iter(found, nil) }
        guard let attached else { throw ProbeError("attaching probe \(program)", errorNumber: errno) }
        return BPFLink(attached)
    }
}
