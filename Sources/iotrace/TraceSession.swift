import CLinuxShims
import Collector
import Glibc
import IOModel
import ProbeLoader

/// One trace: from the loading of the probes to the last reading.
final class TraceSession {
    /// What a trace leaves behind.
    struct Outcome {
        var report: Report
        /// The command's exit status, when there was one and it has ended.
        var commandStatus: Int32?
    }

    /// Called with the tool and window when tracing has begun, and then with every interval.
    struct Observer {
        var began: (Tool, Window) throws -> Void = { _, _ in }
        var interval: (_ at: UInt64, _ processes: [ProcessFigures], _ losses: Losses) throws -> Void = { _, _, _ in }
    }

    private let options: TargetOptions
    private let interval: Double
    private let observer: Observer
    /// Seconds to go on tracing after the command's end: what it made the target do may not be over.
    private let linger: Double
    private let loop: EventLoop
    private let signals: SignalSource
    private let child: Child?
    private let target: TraceTarget?
    private let clock = Clock()
    private var attached: AttachedProbes
    private var table: ProcessTable
    private var window: Window
    private var tool: Tool
    private var losses = Losses()
    private var warnings: [Warning] = []
    private var accounting = Accounting()
    private var interrupted = false

    /// - Parameters:
    ///   - keepsEnded: whether the report at the end has the processes that ended before it.
    ///   - linger: see the property.
    init(
        _ options: TargetOptions, interval: Double, keepsEnded: Bool = true, observer: Observer, linger: Double = 0
    ) throws {
        self.options = options
        table = ProcessTable(
            names: SystemNames(), accountsCopies: !options.noLedger, keepsEnded: keepsEnded)
        self.interval = interval
        self.observer = observer
        self.linger = linger
        let target = try options.target()
        self.target = target
        loop = try EventLoop()
        signals = try SignalSource()
        // The child is forked before anything else is set up, so that it inherits nothing but its gate.
        child = options.command.isEmpty ? nil : try Child(options.command)
        do {
            let configuration = TracerConfiguration(
                target: target ?? .pids([child!.pid], awaitingExec: true), follow: !options.noFollow,
                ownPID: UInt32(getpid()), accountsCopies: !options.noLedger,
                samplingFrequency: options.noSampling ? nil : options.samplingHz,
                requestTiming: options.requestTiming, classifies: !options.noModels, mapLimit: options.mapLimit)
            let loaded = try LoadedProbes(configuration)
            accounting.probesComeNow()
            attached = try loaded.attach()
            if case .pids(let pids, let awaitingExec) = configuration.target {
                for pid in pids { try attached.addTarget(pid: pid, awaitingExec: awaitingExec) }
            }
        } catch {
            child?.abandon()
            throw CommandFailure("\(error)", isUnsupported: true)
        }
        tool = Tool(kernel: Self.kernelRelease(), probes: attached.probes)
        window = Window(startedUnixNanoseconds: 0)
        warnings = tool.probes.filter {
            !$0.attached && $0.reason != nil && !(options.noSampling && $0.name == "take_sample")
        }.map { .probeMissing($0) }
    }

    /// Traces until the command ends, the time is over, the targets are gone or a signal comes.
    func run() throws -> Outcome {
        try begin()
        try loop.run()
        return try finish()
    }

    private func begin() throws {
        do {
            clock.start()
            window.startedUnixNanoseconds = clock.startedUnix
            if options.latency == .full, let error = attached.timeEntries(true) { warn(latency: error) }
            accounting.probesAreAttached()
            let seeded = try attached.seed()
            window.inFlightAtStart = UInt64(seeded.count { $0.callInProgress != nil })
            try observer.began(tool, window)
        } catch {
            child?.abandon()
            throw error is CommandFailure ? error : CommandFailure("\(error)")
        }
        try loop.watch(signals.fd) { [unowned self] in try received() }
        try loop.timer(interval, repeats: true) { [unowned self] in try readInterval() }
        try openWindows()
        try loop.timer(1, repeats: true) { [unowned self] in try openWindows() }
        try watchEnds()
        if let fd = options.readyFd { _ = write(fd, "ready\n", 6) }
        try child?.release()
    }

    private func watchEnds() throws {
        if let child {
            try loop.watch(child.pidfd) { [unowned self] in
                loop.unwatch(child.pidfd)
                guard linger > 0 else { return end(.exit) }
                try loop.timer(linger, repeats: false) { [unowned self] in end(.exit) }
            }
        } else if case .pids(let pids, _)? = target {
            var running = pids.count
            for pid in pids {
                let fd = open_pidfd(Int32(pid))
                guard fd >= 0 else {
                    running -= 1
                    continue
                }
                try loop.watch(fd) { [unowned self] in
                    loop.unwatch(fd)
                    close(fd)
                    running -= 1
                    if running == 0 { end(.exit) }
                }
            }
            if running == 0 { end(.exit) }
        }
        if let duration = options.duration {
            try loop.timer(duration, repeats: false) { [unowned self] in end(.duration) }
        }
    }

    private func end(_ reason: Window.End) {
        if window.end == nil { window.end = reason }
        loop.stop()
    }

    /// The first Ctrl-C lets the command end by itself, since the terminal has sent it the signal too; the second ends the
    /// trace at once. Other signals are passed on. Without a command, any signal ends the trace.
    private func received() throws {
        while let signal = signals.next() {
            guard let child else { return end(.signal) }
            if signal.number == SIGINT || signal.number == SIGTERM {
                if interrupted { return end(.signal) }
                interrupted = true
            }
            if !signal.fromTerminal { child.send(signal.number) }
        }
    }

    // MARK: - Readings

    private func readInterval() throws {
        try observer.interval(clock.elapsed, try absorb().interval, losses)
    }

    /// Takes one reading over. What it says is no longer needed must be gone from the kernel before the next one, or that
    /// would bring rows back which have been added up with others.
    private func absorb() throws -> ProcessTable.Change {
        let snapshot = try read()
        let change: ProcessTable.Change
        do {
            change = try table.absorb(snapshot) { body throws(ProbeError) in try attached.forEachThread(body) }
        } catch { throw CommandFailure("\(error)") }
        attached.forget(
            processes: change.endedProcesses, files: change.closedFiles, unused: change.unusedFiles, in: snapshot)
        return change
    }

    private func read() throws -> Snapshot {
        do {
            let snapshot = try attached.snapshot()
            losses = snapshot.losses
            return snapshot
        } catch { throw CommandFailure("\(error)") }
    }

    private func finish() throws -> Outcome {
        accounting.close(attached.programRuns())
        do { try attached.closeWindow() } catch { throw CommandFailure("\(error)") }
        window.duration = clock.elapsed
        // A thread that ends while it is read is missed by one reading; nothing changes any more, so a second one has it.
        var added: [ProcessFigures] = []
        for _ in 0..<2 {
            let change = try absorb()
            window.inFlightAtEnd = max(window.inFlightAtEnd, change.callsInProgress)
            added += change.interval
        }
        attached.detach()
        if !added.isEmpty { try observer.interval(window.duration, added, losses) }
        let calls = table.processes.reduce(0) { $0 &+ $1.calls.values.reduce(0) { $0 &+ $1.count } }
        var report = Report(
            tool: tool, window: window, losses: losses,
            overhead: accounting.overhead(over: window.duration, calls: calls),
            warnings: warnings, processes: table.processes)
        report.completeWarnings()
        let commandEnded = child != nil && window.end == .exit
        return Outcome(report: report, commandStatus: commandEnded ? child!.wait() : nil)
    }

    /// The status to leave with. A command that outlived the trace is waited for, unless the user wants to go.
    func finalStatus(_ outcome: Outcome) -> Int32 {
        guard let child else { return 0 }
        if let status = outcome.commandStatus { return status }
        return window.end == .signal ? 128 + SIGINT : child.wait()
    }

    // MARK: - Duty cycle

    /// Entries are timed in the first 20 ms of every second, the probes themselves in the 20 ms after that, of some seconds: the
    /// two are kept apart, since the kernel's accounting slows each probe down.
    private static let latencyWindow = 0.020
    private static let accountingWindow = 0.020

    private func openWindows() throws {
        if options.latency == .sampled {
            if let error = attached.timeEntries(true) { warn(latency: error) }
            try loop.timer(Self.latencyWindow, repeats: false) { [unowned self] in
                _ = attached.timeEntries(false)
                try openAccounting()
            }
        } else {
            try openAccounting()
        }
    }

    private func openAccounting() throws {
        guard accounting.isDue() else { return }
        if accounting.needsCalibration { accounting.probesAreAttached() }
        guard accounting.open(attached.startAccounting(), attached.programRuns()) else { return }
        accounting.correct { attached.accountingBias() }
        try loop.timer(Self.accountingWindow, repeats: false) { [unowned self] in
            accounting.close(attached.programRuns())
        }
    }

    private func warn(latency error: ProbeError) {
        guard !warnings.contains(where: { $0.code == "latency_unavailable" }) else { return }
        warnings.append(
            Warning(
                code: "latency_unavailable", message: "calls are not timed: \(error)",
                advice: "time_ns and latency_ns are unknown; everything else is complete"))
    }

    static func kernelRelease() -> String {
        var names = utsname()
        uname(&names)
        return withUnsafeBytes(of: &names.release) { decodeName($0.prefix { $0 != 0 }) }
    }
}

/// Wall clock and elapsed time of a trace.
final class Clock {
    private(set) var startedUnix: UInt64 = 0
    private var started: UInt64 = 0

    func start() {
        startedUnix = Self.read(CLOCK_REALTIME)
        started = Self.read(CLOCK_MONOTONIC)
    }

    var elapsed: UInt64 { Self.read(CLOCK_MONOTONIC) - started }

    static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

extension Report {
    /// Warnings that follow from the figures.
    mutating func completeWarnings() {
        if processes.isEmpty { warnings.append(.nothingTraced) }
        if let lost = Warning.losses(losses) { warnings.append(lost) }
        for index in processes.indices {
            processes[index].foldPairs(beyond: ProcessTable.copyRowLimit)
            let folded = processes[index].foldFiles(beyond: ProcessTable.fileLimit)
            if folded > 0 { warnings.append(.filesFolded(processes[index].identity, rows: folded)) }
        }
    }
}
