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
        #expect(
            Self.codes {
                $0.files[1] = Literals.file(Literals.socket, [.epoll: 5000])
                $0.calls = Literals.waits(1)
                $0.calls[Literals.call("fsync")] = CallFigures(count: 3, blocked: asleep)
            } == expected)
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
