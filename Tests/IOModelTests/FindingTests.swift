import Testing

@testable import IOModel

/// Each finding from its least figure on, and not below.
@Suite struct FindingTests {
    static func codes(_ build: (inout ProcessFigures) -> Void) -> [String] {
        Finding.all(in: Literals.process(build)).map(\.code)
    }

    @Test func aQuietProgramHasNoFindings() {
        #expect(
            Self.codes {
                $0.files[1] = Literals.file(Literals.socket, [.epoll: 5000])
                $0.calls[Literals.call("epoll_wait")] = CallFigures(count: 2000, blocked: 1_000_000_000)
            } == [])
    }

    @Test(arguments: [(1_000_000, ["sync_in_event_loop"]), (999_999, [])] as [(UInt64, [String])])
    func syncingInAnEventLoopIsFoundFromAMillisecondOn(asleep: UInt64, expected: [String]) {
        #expect(Self.codes { ($0.totals.loopSyncCalls, $0.totals.loopSync) = (3, asleep) } == expected)
    }

    /// What other threads than the loop's sleep in is nobody's business.
    @Test func syncingInAnotherThreadIsNoFinding() {
        #expect(
            Self.codes {
                $0.files[1] = Literals.file(Literals.socket, [.epoll: 5000])
                $0.calls = Literals.waits(1)
                $0.calls[Literals.call("fsync")] = CallFigures(count: 3, blocked: 1_000_000_000)
                $0.calls[Literals.call("recvfrom")] = CallFigures(count: 3, blocked: 1_000_000_000)
            } == [])
    }

    @Test(arguments: [(10_000_000, ["file_io_in_event_loop"]), (9_999_999, [])] as [(UInt64, [String])])
    func filesThatSleepInAnEventLoopAreFound(asleep: UInt64, expected: [String]) {
        #expect(Self.codes { ($0.totals.loopFileCalls, $0.totals.loopFile) = (7, asleep) } == expected)
    }

    @Test(
        arguments: [
            (
                1, 2_000_000_000,
                "2 calls on blocking fds that nobody watches slept 50.00 ms in a thread that runs an event loop, most on pipe"
            ),
            (
                2, 2_000_000_000,
                "2 calls on blocking fds that nobody watches slept 50.00 ms in a thread that runs an event loop"
            ),
            (1, 6_000_000_000, nil),
        ] as [(UInt64, UInt64, String?)])
    func blockingInAnEventLoopNamesTheFdWhereItIsKnown(threads: UInt64, observed: UInt64, expected: String?) {
        let findings = Finding.all(
            in: Literals.process {
                ($0.threads, $0.totals.observed) = (threads, observed)
                ($0.totals.loopBlockingCalls, $0.totals.loopBlocking) = (2, 50_000_000)
                $0.files[1] = Literals.file(FileIdentity(fd: 3, type: .pipe), [.blocking: 2])
                $0.files[1]!.blocked = 50_000_000
            })
        #expect(findings.map(\.message) == (expected.map { [$0] } ?? []))
    }

    @Test(
        arguments: [
            (1000, 501, 999, ["wakeups_without_work"]), (1000, 500, 999, []), (999, 999, 0, []), (1000, 501, 1000, []),
        ] as [(UInt64, UInt64, UInt64, [String])])
    func wakingForNothingIsFound(wakeups: UInt64, idle: UInt64, operations: UInt64, expected: [String]) {
        #expect(
            Self.codes {
                ($0.totals.wakeups, $0.totals.idleWakeups) = (wakeups, idle)
                $0.files[1] = Literals.file(Literals.socket, [.epoll: operations])
                $0.calls = Literals.waits(operations)
            } == expected)
    }

    @Test(
        arguments: [
            ("poll", 64_000, ["large_poll_sets"]), ("poll", 63_999, []), ("select", 64_000, ["large_select_sets"]),
        ] as [(String, UInt64, [String])])
    func setsOfManyFdsAreFoundWithWhatACallCosts(call: String, fds: UInt64, expected: [String]) {
        let process = Literals.process {
            $0.calls = Literals.waits(1000, call)
            if call == "poll" { $0.totals.pollFDs = fds } else { $0.totals.selectFDs = fds }
            $0.files[1] = Literals.file(Literals.socket, [call == "poll" ? .poll : .select: 2000])
            $0.latencies[Literals.call(call)] = QuadrantAndPhasesTests.timed(10, onCPU: 45_000)
        }
        let findings = Finding.all(in: process)
        #expect(findings.map(\.code) == expected)
        #expect(findings.allSatisfy { $0.message.hasSuffix("for about 4.50 µs on a CPU each") })
    }

    @Test func spinningHasItsPriceWhereCallsWereTimed() {
        let findings = Finding.all(
            in: Literals.process {
                $0.files[1] = Literals.file(FileIdentity(fd: 3, type: .pipe), [.nonblocking: 1000], again: 800)
                ($0.totals.againTimed, $0.totals.againOnCPU) = (10, 5000)
            })
        #expect(
            findings.map(\.message) == [
                "800 of 1,000 nonblocking operations found nothing (EAGAIN), for about 400.00 µs on a CPU: the program polls"
            ])
    }

    @Test(arguments: [(501, ["eagain_spinning"]), (500, [])] as [(UInt64, [String])])
    func spinningIsMoreThanHalfEAGAIN(again: UInt64, expected: [String]) {
        #expect(
            Self.codes {
                $0.files[1] = Literals.file(FileIdentity(fd: 3, type: .pipe), [.nonblocking: 1000], again: again)
            }
                == expected)
    }

    @Test(arguments: [(10, ["blocking_fd_in_epoll"]), (9, [])] as [(UInt64, [String])])
    func aBlockingSocketInAnEpollSetIsFound(operations: UInt64, expected: [String]) {
        #expect(
            Self.codes {
                $0.files[1] = Literals.file(Literals.socket, [.epollBlockingFD: operations])
                $0.calls = Literals.waits(1)
            } == expected)
    }

    @Test(arguments: [(1001, ["more_waits_than_operations"]), (1000, [])] as [(UInt64, [String])])
    func moreWaitsThanOperationsAreFound(waits: UInt64, expected: [String]) {
        #expect(
            Self.codes {
                $0.files[1] = Literals.file(Literals.socket, [.epoll: 1000])
                $0.calls[Literals.call("epoll_wait")] = CallFigures(count: waits)
            } == expected)
    }

    @Test func operationsOfAByteAreFound() {
        #expect(
            Self.codes {
                $0.files[1] = Literals.file(FileIdentity(fd: 3, type: .pipe), [.blocking: 2000], bytes: 1)
                $0.files[1]!.bytesIn = 2000
            } == ["one_byte_operations"])
    }

    @Test func requestsThatGoToWorkersAreFound() {
        #expect(
            Self.codes {
                var figures = RequestFigures()
                (figures.completed, figures.punted) = (100, 51)
                $0.requests[Literals.request(23)] = figures
                $0.totals.uringOperations = 100
            } == ["uring_mostly_punted"])
    }

    @Test func aPeerThatSetsThePaceIsNamed() {
        let findings = Finding.all(
            in: Literals.process {
                for (id, blocked): (UInt64, UInt64) in [(1, 90_000_000), (2, 10_000_000)] {
                    var file = Literals.file(
                        FileIdentity(fd: 3, type: .tcp, local: "a:1", peer: "peer\(id):1"), [.blocking: 10])
                    file.blocked = blocked
                    $0.files[id] = file
                }
            })
        #expect(findings.map(\.code) == ["one_peer_dominates"])
        #expect(findings.first?.message.contains("peer1:1") == true)
    }

    @Test func acceptCallsThatFindNothingAreFound() {
        #expect(
            Self.codes { $0.calls[Literals.call("accept4")] = CallFigures(count: 100, errors: 51) } == [
                "accept_finds_nothing"
            ])
    }
}
