import CLinuxShims
import Glibc
import IOModel
import ProbeLoader

/// What tracing costs: the collector's own use of the machine, and the probes' time by short windows in which the kernel
/// times BPF programs (kernel.bpf_stats_enabled, without the sysctl), since doing that all the time would cost more than
/// the probes do.
struct Accounting {
    private var fd: Int32?
    private var openedAt: UInt64 = 0
    private var before = ProgramRuns()
    private var covered: UInt64 = 0
    private var inWindows = ProgramRuns()
    /// A call of the tracer's own without the probes and with them, nanoseconds: the least that was measured.
    private var untracedCall = time_of_own_call()
    private var tracedCall: Double?
    /// What the accounting adds to each run, nanoseconds.
    private var bias: Double?
    /// Of the seconds: the next one with a window, and how far it is to the one after that.
    private var second = 0
    private var due = 0
    private var distance = 1

    /// Switching the kernel's accounting on and off rewrites its code in some hundred places, which is a fifth of what the
    /// collector takes for a process. Short traces need a window in each second, long ones do not.
    static let longestDistance = 4

    /// To be called once a second: whether this one is to have a window. Those at 0, 1, 3, 7, 11, 15 … seconds are.
    mutating func isDue() -> Bool {
        defer { second += 1 }
        guard second == due else { return false }
        due += distance
        distance = min(2 * distance, Self.longestDistance)
        return true
    }

    // Each is measured twice, some time apart: the first calls after a sleep take longer, and machines have slow moments.

    /// To be called right before the probes are attached.
    mutating func probesComeNow() { untracedCall = min(untracedCall, time_of_own_call()) }

    /// To be called when the probes are attached, while the accounting is off.
    mutating func probesAreAttached() { tracedCall = min(tracedCall ?? .infinity, time_of_own_call()) }

    /// - Parameter bias: finds out what a run of nothing is accounted for with. Asked while the accounting is on.
    mutating func correct(_ bias: () -> Double?) {
        if needsCalibration, fd != nil { self.bias = bias() }
    }

    var needsCalibration: Bool { bias == nil }

    /// - Parameters:
    ///   - fd: keeps the kernel's accounting on; nil when it was refused.
    ///   - before: the programs' runs so far. There are some outside of windows where the sysctl is set.
    mutating func open(_ fd: Int32?, _ before: ProgramRuns) -> Bool {
        guard let fd, self.fd == nil else { return false }
        self.fd = fd
        self.before = before
        openedAt = Clock.read(CLOCK_MONOTONIC)
        return true
    }

    /// - Parameter total: the programs' runs so far.
    mutating func close(_ total: ProgramRuns) {
        guard let fd else { return }
        Glibc.close(fd)
        self.fd = nil
        covered += Clock.read(CLOCK_MONOTONIC) - openedAt
        inWindows += total - before
    }

    /// The windows stand for the whole trace. Where the target was busy outside of them only, its calls, which are known,
    /// say better how often a probe ran. Without a run in a window, the probes' cost is not known.
    /// - Parameters:
    ///   - duration: of the trace, nanoseconds.
    ///   - calls: system calls of the target.
    func overhead(over duration: UInt64, calls: UInt64) -> Overhead {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        var overhead = Overhead(
            collectorNanoseconds: Clock.read(CLOCK_PROCESS_CPUTIME_ID), collectorMemory: UInt64(usage.ru_maxrss) * 1024)
        guard covered > 0, inWindows.runs > 0 else { return overhead }
        let scale = max(1, Double(duration) / Double(covered))
        let runs = max(Double(inWindows.runs) * scale, Double(calls))
        let nanoseconds = runs * Double(inWindows.nanoseconds) / Double(inWindows.runs)
        overhead.probeRuns = UInt64(runs)
        overhead.probeNanoseconds = UInt64(nanoseconds)
        if let tracedCall, let bias {
            let callDelay = max(0, tracedCall - untracedCall)
            // The way to other tracepoints, which no call of the tracer's own goes, is about as long.
            let hooked = max(Double(inWindows.hooked) * scale, Double(calls))
            overhead.addedNanoseconds = UInt64(max(0, nanoseconds - runs * bias) + hooked * callDelay)
        }
        return overhead
    }
}
