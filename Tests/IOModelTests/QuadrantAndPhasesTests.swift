import Testing

@testable import IOModel

/// What a figure leaves out or extrapolates, it says.
@Suite struct QuadrantAndPhasesTests {
    @Test func quadrantsPutWaitsApart() {
        let process = Literals.process {
            $0.files[1] = Literals.file(Literals.socket, [.epoll: 20, .epollBlockingFD: 5, .blocking: 3])
            $0.calls[Literals.call("epoll_wait")] = CallFigures(count: 7, blocked: 1000, runQueue: 10)
            $0.calls[Literals.call("read")] = CallFigures(count: 28, blocked: 300)
        }
        let quadrants = ModelClassifier(process).quadrants
        #expect(quadrants.syncBlocking.operations == 8 && quadrants.syncNonblocking.operations == 20)
        #expect(quadrants.asyncBlocking.operations == 7 && quadrants.asyncBlocking.time.nanoseconds == 1010)
        #expect(quadrants.syncBlocking.time.nanoseconds == 300 && quadrants.syncNonblocking.time.nanoseconds == nil)
    }

    @Test func phasesAreWaitingAndMoving() throws {
        let process = Literals.process {
            $0.calls[Literals.call("read")] = CallFigures(count: 10, blocked: 500, runQueue: 20)
            $0.calls[Literals.call("getppid")] = CallFigures(count: 10, blocked: 7)
            var latency = Latency()
            (latency.calls, latency.onCPU) = (5, 50)
            $0.latencies[Literals.call("read")] = latency
        }
        let phases = ModelClassifier(process).phases
        #expect(phases.wait == 520 && phases.transfer == 100 && phases.moving.isEstimated)
    }

    static func timed(_ calls: UInt64, onCPU: UInt64) -> Latency {
        var latency = Latency()
        (latency.calls, latency.onCPU) = (calls, onCPU)
        return latency
    }

    @Test func timeOfCallsThatWereNeverTimedIsTheLeastThatItIs() {
        let classifier = ModelClassifier(
            Literals.process {
                $0.files[1] = Literals.file(Literals.socket, [.blocking: 15])
                $0.calls[Literals.call("read")] = CallFigures(count: 10, blocked: 500)
                $0.latencies[Literals.call("read")] = Self.timed(10, onCPU: 70)
                $0.calls[Literals.call("write")] = CallFigures(count: 5, blocked: 30)
            })
        let time = classifier.quadrants.syncBlocking.time
        #expect(time.nanoseconds == 600 && time.isPartial && !time.isEstimated)
        #expect(classifier.phases.wait == 530 && classifier.phases.transfer == 70)
        #expect(classifier.phases.moving.isPartial && !classifier.phases.moving.isEstimated)
    }

    @Test func timeThatIsNotKnownAtAllIsNotZero() {
        let classifier = ModelClassifier(
            Literals.process {
                $0.files[1] = Literals.file(Literals.socket, [.nonblocking: 15])
                $0.calls[Literals.call("read")] = CallFigures(count: 15)
            })
        #expect(classifier.quadrants.syncNonblocking.time.nanoseconds == nil && classifier.phases.transfer == nil)
        #expect(classifier.quadrants.asyncBlocking.time.nanoseconds == 0)  // nothing of it happened
    }

    /// Every call was timed, but which of them could sleep is known by their number only.
    @Test func timeThatIsDividedByOperationsIsAnEstimate() {
        func quadrants(_ nonblocking: UInt64) -> Quadrants {
            ModelClassifier(
                Literals.process {
                    $0.files[1] = Literals.file(Literals.socket, [.blocking: 10, .nonblocking: nonblocking])
                    $0.calls[Literals.call("read")] = CallFigures(count: 10 + nonblocking)
                    $0.latencies[Literals.call("read")] = Self.timed(10 + nonblocking, onCPU: 1000)
                }
            ).quadrants
        }
        let mixed = quadrants(30)
        #expect(mixed.syncBlocking.time.nanoseconds == 250 && mixed.syncNonblocking.time.nanoseconds == 750)
        #expect(mixed.syncBlocking.time.isEstimated && mixed.syncNonblocking.time.isEstimated)
        #expect(!quadrants(0).syncBlocking.time.isEstimated)
    }

    @Test func waitingForARingIsAWaitingPhase() {
        let classifier = ModelClassifier(
            Literals.process {
                $0.calls[Literals.call("io_uring_enter")] = CallFigures(count: 10, blocked: 900)
                $0.latencies[Literals.call("io_uring_enter")] = Self.timed(10, onCPU: 80)
            })
        #expect(classifier.phases.wait == 900 && classifier.phases.transfer == 80)
        #expect(classifier.quadrants.asyncBlocking.time.nanoseconds == 900)
        #expect(classifier.quadrants.asyncNonblocking.time.nanoseconds == 80)
    }

    @Test func aCallThatHasNotReturnedLeavesNothingUnknown() {
        let phases = ModelClassifier(
            Literals.process { $0.calls[Literals.call("epoll_wait")] = CallFigures(blocked: 5000) }
        ).phases
        #expect(phases.wait == 5000 && phases.transfer == 0 && !phases.moving.isPartial)
    }
}
