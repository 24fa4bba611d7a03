public import ArgumentParser
import Collector
public import Export
import Glibc
public import IOModel
import ProbeLoader

/// Which processes to trace. The same for every command that traces.
struct TargetOptions: ParsableArguments {
    @Option(
        name: [.customShort("p"), .customLong("process-id")], help: "Trace these processes, with all their threads.")
    var pids: [String] = []

    @Option(help: "Trace processes of this name, those that get it by an exec while tracing too.")
    var comm: String?

    @Option(help: "Trace the members of this cgroup (v2) and of those below it: a directory.")
    var cgroup: String?

    @Flag(name: [.customShort("a"), .long], help: "Trace every process on the machine.")
    var all = false

    @Flag(help: "Leave out the children of the target.")
    var noFollow = false

    @Option(help: "Seconds to trace for.")
    var duration: Double?

    @Option(help: "Time the calls: off, sampled (20 ms of every second) or full.")
    var latency: LatencyMode = .sampled

    @Flag(help: "Do not account for copies.")
    var noLedger = false

    @Flag(help: "Take no samples of the CPU clock: the share of CPU time spent copying is then not known.")
    var noSampling = false

    @Option(help: "Samples of the CPU clock a second, from 99 to 999.")
    var samplingHz: UInt64 = 199

    /// For benchmarks of what telling the models costs.
    @Flag(help: .hidden)
    var noModels = false

    /// For scripts that must not start their load too early.
    @Option(help: .hidden)
    var readyFd: Int32?

    @Option(help: .hidden)
    var mapLimit: UInt32?

    @Argument(parsing: .postTerminator, help: "The command to run: traced itself, or the load when there is a target.")
    var command: [String] = []

    enum LatencyMode: String, ExpressibleByArgument, CaseIterable { case off, sampled, full }

    /// Requests that complete later are timed as calls are.
    var requestTiming: RequestTiming {
        switch latency {
        case .off: .none
        case .sampled: .sampled
        case .full: .all
        }
    }

    /// nil: the command is the target.
    func target() throws -> TraceTarget? {
        if let duration, !(duration > 0 && duration < 1e9) {
            throw CommandFailure("--duration \(duration): it must be a number of seconds above 0")
        }
        guard (99...999).contains(samplingHz) else {
            throw CommandFailure("--sampling-hz \(samplingHz): it must be from 99 to 999")
        }
        if let limit = mapLimit, limit == 0 { throw CommandFailure("--map-limit must be above 0") }
        let given = [!pids.isEmpty, comm != nil, cgroup != nil, all].count { $0 }
        guard given <= 1 else { throw CommandFailure("give one of -p, --comm, --cgroup and -a") }
        if !pids.isEmpty { return .pids(try processIDs(), awaitingExec: false) }
        if let comm {
            guard !comm.isEmpty else { throw CommandFailure("--comm: the name is empty") }
            return .comm(comm)
        }
        if let cgroup { return .cgroup(id: try cgroupID(cgroup)) }
        if all { return .all }
        guard !command.isEmpty else {
            throw CommandFailure("nothing to trace: give -p PID, --comm NAME, --cgroup PATH, -a, or a command after --")
        }
        return nil
    }

    private func processIDs() throws -> [UInt32] {
        try pids.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }.map { text in
            guard let pid = UInt32(text), pid > 0, pid <= Int32.max else {
                throw CommandFailure("-p \(visible(String(text))): not a process id")
            }
            guard kill(Int32(pid), 0) == 0 || errno != ESRCH else {
                throw CommandFailure("tracing pid \(pid): \(ProbeError.name(of: ESRCH)) — look it up with ps")
            }
            if let leader = status("Tgid", of: pid).flatMap({ UInt32($0) }), leader != pid {
                throw CommandFailure("tracing pid \(pid): it is a thread of process \(leader) — give that one")
            }
            if status("State", of: pid)?.hasPrefix("Z") == true {
                throw CommandFailure("tracing pid \(pid): it has ended already and waits for its parent")
            }
            return pid
        }
    }

    /// A field of /proc/PID/status; nil when it cannot be read.
    private func status(_ field: String, of pid: UInt32) -> String? {
        let lines = String(decoding: readWholeFile("/proc/\(pid)/status") ?? [], as: UTF8.self).split(separator: "\n")
        return lines.first { $0.hasPrefix("\(field):") }
            .map { String($0.dropFirst(field.count + 1).drop(while: \.isWhitespace).prefix { !$0.isWhitespace }) }
    }

    private func cgroupID(_ path: String) throws -> UInt64 {
        guard let root = CgroupFileSystem.mountPoint() else {
            throw CommandFailure("--cgroup: no cgroup v2 hierarchy is mounted — mount -t cgroup2 none /sys/fs/cgroup")
        }
        for candidate in path.hasPrefix(root) ? [path] : ["\(root)/\(path)", path] {
            if let id = CgroupFileSystem.id(ofDirectory: candidate) { return id }
        }
        throw CommandFailure(
            "--cgroup \(visible(path)): \(ProbeError.name(of: errno)) — give a directory below \(root)")
    }
}

/// How a report is shown.
struct ReportOptions: ParsableArguments {
    @Flag(help: "Print the JSON document instead of the terminal report.")
    var json = false

    @Option(name: .shortAndLong, help: "Write the report to this file.")
    var output: String?

    @Option(help: "Order of the processes: \(SortKey.allCases.map(\.rawValue).joined(separator: ", ")).")
    var sort: SortKey = .cost

    @Option(help: "Processes to show; the rest are added up.")
    var limit: Int = 10

    @Option(help: "Show this process only.")
    var pid: UInt32?

    @Option(help: "Colour: auto (on a terminal, unless NO_COLOR is set), always or never.")
    var color: ColorMode = .auto

    enum ColorMode: String, ExpressibleByArgument, CaseIterable { case auto, always, never }

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit \(limit): it must be above 0") }
    }

    func colored(_ output: Output) -> Bool { Self.colored(color, output) }

    static func colored(_ mode: ColorMode, _ output: Output) -> Bool {
        switch mode {
        case .always: true
        case .never: false
        case .auto: output.isTerminal && getenv("NO_COLOR").map { $0.pointee == 0 } ?? true
        }
    }
}

extension SortKey: ExpressibleByArgument {}

extension ExplainSubject: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
