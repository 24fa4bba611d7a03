import Testing

@testable import IOModel

/// Literals in, verdicts out.
@Suite struct ModelTrialTests {
    static let load = ModelExpectation.Load(messages: 16, bytes: 8192, gaps: 80_000_000)

    static func timed(_ calls: UInt64, onCPU: UInt64) -> Latency {
        var latency = Latency()
        (latency.calls, latency.onCPU) = (calls, onCPU)
        return latency
    }

    /// A process that reads on one socket, with its calls: count, errors, time asleep and on a CPU.
    static func process(
        _ slot: ModelSlot, _ operations: UInt64, again: UInt64 = 0, epollEvents: UInt32 = 0,
        _ calls: [String: (UInt64, UInt64, UInt64, UInt64)]
    ) -> ProcessFigures {
        Literals.process {
            var file = FileFigures(identity: FileIdentity(fd: 5, type: .unixStream))
            file.identity.epollEvents = epollEvents
            file.models[slot.rawValue] = ModelFigures(operations: operations, bytes: 8192)
            (file.operations, file.again) = (operations, again)
            $0.files[1] = file
            ($0.totals.againTimed, $0.totals.againOnCPU) = (again, again * 400)
            for (name, (count, errors, blocked, onCPU)) in calls {
                let number = Literals.call(name)
                $0.calls[number] = CallFigures(count: count, errors: errors, blocked: blocked)
                $0.latencies[number] = timed(count, onCPU: onCPU)
            }
        }
    }

    static let blocking = process(.blocking, 16, ["read": (16, 0, 80_500_000, 70_000)])
    static let spinning = process(
        .nonblocking, 100_016, again: 100_000, ["read": (100_016, 100_000, 0, 44_000_000)])
    static let epoll = process(
        .epoll, 16, ["read": (16, 0, 0, 40_000), "epoll_wait": (16, 0, 80_500_000, 60_000)])
    static let signals = process(
        .signal, 32, again: 16, ["read": (32, 16, 0, 45_000), "rt_sigsuspend": (16, 16, 81_000_000, 30_000)])

    static func trial(_ name: String, _ process: ProcessFigures, lie: Bool = false, losses: UInt64 = 0) -> ModelTrial {
        let expected = ModelExpectation.of(name, under: load)!
        return ModelTrial(
            name: name, title: name, program: ModelProgram.named(name)!, load: load,
            outcome: .judged(
                ModelMeasurement(process: process, nanoseconds: 81_000_000, losses: losses),
                lie ? expected.contradicted : expected))
    }

    static let right: [(String, ProcessFigures)] = [
        ("blocking", blocking), ("nonblocking", spinning), ("epoll", epoll), ("sigio", signals),
    ]

    @Test func aProgramThatIsWhatItShouldBeHasNoDifferences() {
        for (name, process) in Self.right { #expect(Self.trial(name, process).differences == [], "\(name)") }
    }

    @Test func noProgramPassesForAnother() {
        for (name, _) in Self.right {
            for (other, process) in Self.right where other != name {
                #expect(!Self.trial(name, process).differences.isEmpty, "\(other) as \(name)")
            }
        }
    }

    @Test func theContraryOfEveryClaimIsFound() {
        for (name, process) in Self.right {
            let trial = Self.trial(name, process, lie: true)
            let expected = trial.expectation!
            var claims = ["tags:", "models:", "received:"]
            claims += expected.operations.keys.map { "operations (\($0.words))" }
            claims += expected.time.map { ["time (\($0.quadrant.words))"] } ?? []
            claims += (expected.asleep + expected.awake).map {
                "asleep in \($0.calls.sorted().joined(separator: ", ")):"
            }
            claims += expected.busy == nil ? [] : ["on a CPU in I/O calls:"]
            claims += expected.wait == nil ? [] : ["wait phase:"]
            for claim in claims {
                #expect(trial.differences.contains { $0.hasPrefix(claim) }, "\(name): \(claim)")
            }
            #expect(trial.differences.count == claims.count, "\(name): \(trial.differences)")
        }
    }

    @Test func eachClaimCanFailAlone() {
        func differences(_ change: (inout ModelExpectation) -> Void) -> [String] {
            var expected = ModelExpectation.of("epoll", under: Self.load)!
            change(&expected)
            var trial = Self.trial("epoll", Self.epoll)
            trial.outcome = .judged(trial.measurement!, expected)
            return trial.differences
        }
        #expect(differences { $0.tags = ["async"] } == ["tags: multiplexed, expected async"])
        #expect(
            differences { $0.models = [.init("multiplexed", "poll")] }
                == ["models: multiplexed (epoll), expected multiplexed (poll)"])
        #expect(differences { $0.bytes = 1 } == ["received: 8192 bytes, expected 1"])
        #expect(
            differences { $0.operations[.asyncBlocking] = 17...20 }
                == ["operations (async, may block): 16, expected 17 to 20"])
        #expect(
            differences { $0.time = .init(.asyncBlocking, 90_000_000) }
                == ["time (async, may block): 80,560 µs, expected at least 90,000 µs"])
        #expect(
            differences { $0.asleep = [.init(calls: ["epoll_wait"], nanoseconds: 81_000_000)] }
                == ["asleep in epoll_wait: 80,500 µs, expected at least 81,000 µs"])
        #expect(
            differences { $0.awake = [.init(calls: ["epoll_wait"], nanoseconds: 80_000_000)] }
                == ["asleep in epoll_wait: 80,500 µs, expected at most 80,000 µs"])
        #expect(
            differences { $0.busy = 1_000_000 } == ["on a CPU in I/O calls: 100 µs, expected at least 1,000 µs"])
        #expect(
            differences { $0.wait = 81_000_000 } == ["wait phase: 80,500 µs, expected at least 81,000 µs"])
        #expect(Self.trial("epoll", Self.epoll, losses: 2).differences == ["2 losses while tracing"])
    }

    @Test func whatWasNotTimedIsNotKnownAndPassesNoExpectation() {
        var untimed = Self.blocking
        untimed.latencies = [:]
        let trial = Self.trial("blocking", untimed)
        #expect(trial.caller?.busy == nil && trial.caller?.free == nil && trial.transfer == nil)
        #expect(trial.differences.contains { $0.hasPrefix("transfer phase: not known") })
    }

    @Test func theCallersTimeIsDividedUp() {
        let blocking = Self.trial("blocking", Self.blocking)
        #expect(blocking.caller == CallerTime(whole: 81_000_000, asleep: 80_500_000, busy: 70_000, runQueue: 0))
        #expect(blocking.caller?.free == 430_000 && blocking.transfer == 70_000)
        let signals = Self.trial("sigio", Self.signals)
        #expect(signals.caller?.asleep == 0)  // rt_sigsuspend is no I/O
        #expect(signals.caller?.free == 81_000_000 - 45_000)
    }

    @Test func callsThatFoundNothingMoveNothing() {
        #expect(Self.trial("nonblocking", Self.spinning).transfer == 44_000_000 - 100_000 * 400)
        var partly = Self.spinning
        partly.totals.againTimed -= 1
        #expect(Self.trial("nonblocking", partly).transfer == nil)
    }

    @Test func helpersAreNotTheCaller() {
        let process = Self.process(
            .blocking, 16, ["read": (16, 0, 80_500_000, 70_000), "futex": (90, 0, 80_900_000, 20_000)])
        let trial = Self.trial("posix-aio", process)
        #expect(trial.differences == [])
        #expect(trial.caller == CallerTime(whole: 81_000_000, asleep: 80_900_000, busy: 20_000, runQueue: 0))
        #expect(trial.transfer == 70_000)
    }

    @Test func threadsShareTheWork() {
        let trial = Self.trial("threads", Self.blocking)
        #expect(trial.caller?.whole == 4 * 81_000_000)
    }

    @Test func aRowThatFailedDiffersAndOneThatWasNotRunDoesNot() {
        var trial = Self.trial("epoll", Self.epoll)
        trial.outcome = .failed("read: EIO")
        #expect(trial.differences == ["failed: read: EIO"])
        trial.outcome = .notRun("needs io_uring")
        #expect(trial.differences == [] && trial.measurement == nil && trial.caller == nil)
    }

    @Test func thereIsNothingToExpectOfAnUnknownProgram() {
        #expect(ModelExpectation.of("no such row", under: Self.load) == nil && ModelProgram.named("no such row") == nil)
    }
}
