/// What was measured of a program of `iotrace lab models`.
public struct ModelMeasurement: Sendable, Equatable {
    /// One system call of the process, and what happened in it.
    public struct Call: Sendable, Equatable {
        public var count: UInt64
        public var errors: UInt64
        /// Nanoseconds.
        public var blocked: UInt64
        public var runQueue: UInt64
        /// nil when it was not timed.
        public var onCPU: UInt64?
    }

    public var tags: [String]
    /// Those that may put their model among the tags.
    public var models: [ModelRow]
    public var quadrants: Quadrants
    public var phases: Phases
    public var calls: [String: Call]
    /// Operations that ended with EAGAIN.
    public var again: UInt64
    public var bytes: UInt64
    /// By the program's own clock.
    public var nanoseconds: UInt64
    /// Of all threads, those of the kernel for the process included.
    public var onCPU: UInt64
    /// Of that: io_uring's threads in the kernel.
    public var kernelThreadsOnCPU: UInt64
    /// In calls that ended with EAGAIN; nil when not all of them were timed.
    public var againOnCPU: UInt64?
    /// Every counter of losses together.
    public var losses: UInt64

    /// - Parameter process: a worker's figures, from its stop before the program to the one after it.
    public init(process: ProcessFigures, nanoseconds: UInt64, losses: UInt64) {
        let classifier = ModelClassifier(process)
        tags = classifier.tags
        models = classifier.rows.filter(\.decides)
        quadrants = classifier.quadrants
        phases = classifier.phases
        bytes = models.reduce(0) { $0 &+ ($1.model == "zero-copy" ? 0 : $1.bytes) }
        again = process.files.values.reduce(0) { $0 &+ $1.again }
        calls = [:]
        for (number, call) in process.calls {
            let asleep = call.blocked &+ call.runQueue
            calls[SyscallNames.name(of: number)] = Call(
                count: call.count, errors: call.errors, blocked: call.blocked, runQueue: call.runQueue,
                onCPU: process.time(of: number)?.nanoseconds.less(asleep))
        }
        onCPU = process.totals.onCPU
        kernelThreadsOnCPU = process.totals.workerOnCPU &+ process.totals.submissionPollOnCPU
        againOnCPU = process.totals.againTimed == again ? process.totals.againOnCPU : nil
        self.nanoseconds = nanoseconds
        self.losses = losses
    }

    /// Nanoseconds asleep in calls of these names.
    public func asleep(in names: [String]) -> UInt64 { names.reduce(0) { $0 &+ (calls[$1]?.blocked ?? 0) } }

    /// On a CPU in calls of these names; nil when one that was made was not timed.
    public func onCPU(in names: some Sequence<String>) -> UInt64? {
        var sum: UInt64 = 0
        for name in names {
            guard let call = calls[name] else { continue }
            guard let time = call.onCPU else { return nil }
            sum &+= time
        }
        return sum
    }

    /// Names of the calls that do I/O, or wait for it.
    public var ioCalls: [String] {
        calls.keys.filter { name in
            SyscallNames.number(of: name).map { SyscallTrait.of($0).kind.isOperation } == true
                || ["io_uring_enter", "io_submit"].contains(name)
        }
    }
}

/// Where the time of a program went, as seen by its caller: a thread that wants data. Nanoseconds that sum to `whole`.
public struct CallerTime: Sendable, Equatable {
    /// The program's duration, for each of the threads that receive.
    public var whole: UInt64
    /// In a call that waits for I/O.
    public var asleep: UInt64
    /// On a CPU in I/O calls. nil: not timed.
    public var busy: UInt64?
    /// In the run queue, in these calls.
    public var runQueue: UInt64

    /// In no I/O call: the caller may do what it likes, which may be sleeping. nil: not known.
    public var free: UInt64? { busy.map { whole.less(asleep &+ $0 &+ runQueue) } }

    public init(whole: UInt64, asleep: UInt64, busy: UInt64?, runQueue: UInt64) {
        self.whole = whole
        self.asleep = asleep
        self.busy = busy
        self.runQueue = runQueue
    }

    public init(_ measurement: ModelMeasurement, of program: ModelProgram) {
        var calls = Set(measurement.ioCalls).union(program.waitCalls)
        if program.hasHelpers { calls = calls.intersection(program.waitCalls) }  // the others are not the caller's
        whole = measurement.nanoseconds &* program.receivers
        asleep = min(measurement.asleep(in: Array(calls)), whole)
        busy = measurement.onCPU(in: calls)
        runQueue = calls.reduce(0) { $0 &+ (measurement.calls[$1]?.runQueue ?? 0) }
    }
}

/// A program that was run, or the reason why not.
public struct ModelTrial: Sendable, Equatable {
    public enum Outcome: Sendable, Equatable {
        /// This machine cannot run it, and why.
        case notRun(String)
        /// It was tried, and failed: what the worker said.
        case failed(String)
        case judged(ModelMeasurement, ModelExpectation)
    }

    public var name: String
    public var title: String
    public var program: ModelProgram
    public var load: ModelExpectation.Load?
    public var outcome: Outcome

    public init(
        name: String, title: String, program: ModelProgram, load: ModelExpectation.Load? = nil, outcome: Outcome
    ) {
        self.name = name
        self.title = title
        self.program = program
        self.load = load
        self.outcome = outcome
    }

    public var measurement: ModelMeasurement? {
        if case .judged(let measurement, _) = outcome { measurement } else { nil }
    }

    public var expectation: ModelExpectation? {
        if case .judged(_, let expectation) = outcome { expectation } else { nil }
    }

    public var caller: CallerTime? { measurement.map { CallerTime($0, of: program) } }

    /// Nanoseconds on a CPU in the calls that move data, without those that found none; nil when it is not known.
    public var transfer: UInt64? {
        guard let calls = program.transferCalls, let measurement, let vain = measurement.againOnCPU else { return nil }
        return measurement.onCPU(in: calls).map { $0.less(vain) }
    }

    /// In what it differs from the expectation, in words. Empty when it does not, or was not run.
    public var differences: [String] {
        switch outcome {
        case .notRun: []
        case .failed(let what): ["failed: \(what)"]
        case .judged(let measured, let expected): Self.differences(measured, expected)
        }
    }

    private static func differences(_ measured: ModelMeasurement, _ expected: ModelExpectation) -> [String] {
        var differences: [String] = []
        func list(_ words: some Sequence<String>) -> String {
            let joined = words.sorted().joined(separator: ", ")
            return joined.isEmpty ? "none" : joined
        }
        func microseconds(_ nanoseconds: UInt64) -> String { "\(Words.count(nanoseconds / 1000)) µs" }
        func compare(_ what: String, _ measured: UInt64?, atLeast least: UInt64) {
            guard measured.map({ $0 < least }) ?? true else { return }
            differences.append(
                "\(what): \(measured.map(microseconds) ?? "not known"), expected at least \(microseconds(least))")
        }
        if Set(measured.tags) != Set(expected.tags) {
            differences.append("tags: \(list(measured.tags)), expected \(list(expected.tags))")
        }
        let models = Set(measured.models.map { ModelExpectation.Model($0.model, $0.subModel) })
        if models != expected.models {
            differences.append(
                "models: \(list(models.map(\.words))), expected \(list(expected.models.map(\.words)))")
        }
        if measured.bytes != expected.bytes {
            differences.append("received: \(measured.bytes) bytes, expected \(expected.bytes)")
        }
        for quadrant in Quadrant.allCases {
            guard let range = expected.operations[quadrant] else { continue }
            let operations = measured.quadrants[quadrant].operations
            if !range.contains(operations) {
                differences.append("operations (\(quadrant.words)): \(operations), expected \(range.words)")
            }
        }
        if let time = expected.time {
            compare(
                "time (\(time.quadrant.words))", measured.quadrants[time.quadrant].time.nanoseconds,
                atLeast: time.nanoseconds)
        }
        for sleep in expected.asleep {
            compare("asleep in \(list(sleep.calls))", measured.asleep(in: sleep.calls), atLeast: sleep.nanoseconds)
        }
        for sleep in expected.awake {
            let asleep = measured.asleep(in: sleep.calls)
            if asleep > sleep.nanoseconds {
                differences.append(
                    "asleep in \(list(sleep.calls)): \(microseconds(asleep)), expected at most \(microseconds(sleep.nanoseconds))"
                )
            }
        }
        if let busy = expected.busy {
            compare("on a CPU in I/O calls", measured.onCPU(in: measured.ioCalls), atLeast: busy)
        }
        if let wait = expected.wait {
            compare("wait phase", measured.phases.wait, atLeast: wait)
            let transfer = measured.phases.transfer ?? 0
            if transfer == 0 || transfer > measured.phases.wait {
                differences.append(
                    "transfer phase: \(measured.phases.transfer.map(microseconds) ?? "not known"), expected to be there and shorter than the wait phase"
                )
            }
        }
        if measured.losses > 0 { differences.append("\(measured.losses) losses while tracing") }
        return differences
    }
}

extension ClosedRange<UInt64> {
    /// As a sentence has it.
    public var words: String {
        if lowerBound == upperBound { return "\(lowerBound)" }
        return upperBound == .max ? "at least \(lowerBound)" : "\(lowerBound) to \(upperBound)"
    }
}
