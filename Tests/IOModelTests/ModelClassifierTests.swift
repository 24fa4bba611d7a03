import Testing

@testable import IOModel

/// Literals in, tags and rows out.
@Suite struct ModelClassifierTests {
    static func call(_ name: String) -> UInt32 { SyscallNames.number(of: name)! }

    static func process(_ build: (inout ProcessFigures) -> Void) -> ProcessFigures {
        var process = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 1, ppid: 0, comm: "x"))
        build(&process)
        return process
    }

    static func file(
        _ identity: FileIdentity, _ slots: [ModelSlot: UInt64], bytes: UInt64 = 100, again: UInt64 = 0
    ) -> FileFigures {
        var file = FileFigures(identity: identity)
        for (slot, operations) in slots {
            file.models[slot.rawValue] = ModelFigures(operations: operations, bytes: operations * bytes)
            file.operations += operations
        }
        file.again = again
        return file
    }

    static let socket = FileIdentity(fd: 5, type: .tcp, nonblocking: true, inEpoll: true)

    @Test func aServerOnEpollIsMultiplexed() throws {
        let process = Self.process {
            $0.files[1] = Self.file(Self.socket, [.epoll: 990, .epollBlockingFD: 10])
            $0.calls[Self.call("epoll_wait")] = CallFigures(count: 510, errors: 10)
        }
        let classifier = ModelClassifier(process)
        #expect(classifier.tags == ["multiplexed"])
        let row = try #require(classifier.rows.first)
        #expect(row.subModel == "epoll" && row.operations == 1500 && row.operationShare == 1)
        #expect(
            row.evidence
                == "1,000 operations on fds in an epoll set, 10 of them on blocking fds; 500 epoll_wait calls, 0.50 for each operation"
        )
    }

    @Test func registrationsNameTheKindOfEpoll() {
        for (bit, name) in [(31, "epoll edge"), (30, "epoll oneshot"), (28, "epoll exclusive")] {
            var identity = Self.socket
            identity.epollEvents = 1 << UInt32(bit)
            let process = Self.process { $0.files[1] = Self.file(identity, [.epoll: 10]) }
            #expect(ModelClassifier(process).rows.first?.subModel == name)
        }
    }

    @Test func everyWaitModelHasItsTag() {
        let expected: [ModelSlot: (String, String?)] = [
            .blocking: ("blocking", nil), .nonblocking: ("nonblocking", nil), .poll: ("multiplexed", "poll"),
            .selectBlockingFD: ("multiplexed", "select"), .signal: ("async", "signal-driven"),
            .aio: ("async", "libaio"),
        ]
        for (slot, (model, sub)) in expected {
            let classifier = ModelClassifier(Self.process { $0.files[1] = Self.file(Self.socket, [slot: 10]) })
            #expect(classifier.tags == [model], "\(slot)")
            #expect(classifier.rows.map(\.subModel) == [sub], "\(slot)")
        }
    }

    @Test func requestsOfARingAreAsyncWithOrWithoutAFile() {
        let process = Self.process {
            $0.files[1] = Self.file(FileIdentity(fd: 3, type: .regular, path: "/data"), [.uring: 8])
            $0.totals.uringOperations = 10
            $0.rings[77] = UringRing(setupFlags: 0)
        }
        let classifier = ModelClassifier(process)
        #expect(classifier.tags == ["async"])
        #expect(classifier.rows.map(\.operations) == [10] && classifier.rows.map(\.bytes) == [800])
        #expect(classifier.quadrants.asyncNonblocking.operations == 10)
    }

    @Test func aModelBelowAHundredthIsListedAndNoTag() {
        let process = Self.process {
            $0.files[1] = Self.file(Self.socket, [.epoll: 999])
            $0.files[2] = Self.file(FileIdentity(fd: 6, type: .regular, path: "/var/log/x"), [.blocking: 5])
        }
        let classifier = ModelClassifier(process)
        #expect(classifier.tags == ["multiplexed"])
        #expect(classifier.rows.map(\.model).sorted() == ["blocking", "multiplexed"])
        let shares = classifier.rows.compactMap(\.operationShare).reduce(0, +)
        #expect(abs(shares - 1) < 1e-9)
    }

    @Test func modulesOfTheProgramDecideNoTag() {
        let process = Self.process {
            for (id, path) in ["/usr/lib/python3/a.pyc", "/home/u/venv/lib/site-packages/x", "/x/libm.so.6"]
                .enumerated()
            {
                $0.files[UInt64(id)] = Self.file(FileIdentity(fd: 3, type: .regular, path: path), [.blocking: 50])
            }
        }
        let classifier = ModelClassifier(process)
        #expect(classifier.tags == [])
        #expect(classifier.rows.map(\.subModel) == ["program files"])
    }

    @Test func anIdleProcessHasNoTagAndNoRow() {
        let classifier = ModelClassifier(Self.process { _ in })
        #expect(classifier.tags.isEmpty && classifier.rows.isEmpty)
        #expect(classifier.phases.wait == 0 && classifier.phases.transfer == nil)
    }

    /// One EAGAIN is no polling, nor is what a watched fd has: the figures are 100 and more than half.
    @Test(arguments: [(150, 101, true), (150, 99, false), (300, 150, false), (1, 1, false)])
    func pollingAnFDThatHasNothingIsBusyPolling(operations: UInt64, again: UInt64, busy: Bool) {
        let pipe = FileIdentity(fd: 3, type: .pipe, nonblocking: true)
        let classifier = ModelClassifier(
            Self.process {
                $0.files[1] = Self.file(pipe, [.nonblocking: operations], again: again)
                $0.files[2] = Self.file(Self.socket, [.epoll: 1], again: 1000)
            })
        #expect(classifier.tags.contains("nonblocking"))
        #expect(classifier.rows.first?.subModel == (busy ? "busy-polling" : nil))
        #expect(classifier.rows.first?.evidence.hasSuffix("; EAGAIN \(again) times") == true)
    }

    @Test func eagainOfAnFDWithSeveralModelsIsAnUpperBound() {
        let classifier = ModelClassifier(
            Self.process { $0.files[1] = Self.file(Self.socket, [.nonblocking: 10, .epoll: 90], again: 50) })
        #expect(classifier.rows.first?.evidence.hasSuffix("; EAGAIN at most 10 times") == true)
    }

    @Test func aProgramsOwnStateInProcDecidesNoTagAndThatOfOthersDoes() {
        for (pid, tags) in [(UInt32(10), [String]()), (11, ["blocking"])] {
            let process = Self.process {
                $0.identity.pid = pid
                $0.files[1] = Self.file(FileIdentity(fd: 3, type: .regular, path: "/proc/10/stat"), [.blocking: 5])
            }
            #expect(ModelClassifier(process).tags == tags)
        }
    }

    @Test func smallMappingsDecideNothingAndLargeOnesAreZeroCopy() {
        for (bytes, tags): (UInt64, [String]) in [(1 << 19, []), (1 << 24, ["zero-copy"])] {
            let process = Self.process { $0.ledger!.mapped = bytes }
            #expect(ModelClassifier(process).tags == tags)
        }
    }

    @Test func quadrantsPutWaitsApart() {
        let process = Self.process {
            $0.files[1] = Self.file(Self.socket, [.epoll: 20, .epollBlockingFD: 5, .blocking: 3])
            $0.calls[Self.call("epoll_wait")] = CallFigures(count: 7, blocked: 1000, runQueue: 10)
            $0.calls[Self.call("read")] = CallFigures(count: 28, blocked: 300)
        }
        let quadrants = ModelClassifier(process).quadrants
        #expect(quadrants.syncBlocking.operations == 8 && quadrants.syncNonblocking.operations == 20)
        #expect(quadrants.asyncBlocking.operations == 7 && quadrants.asyncBlocking.time == 1010)
        #expect(quadrants.syncBlocking.time == 300 && quadrants.syncNonblocking.time == nil)
    }

    @Test func phasesAreWaitingAndMoving() throws {
        let process = Self.process {
            $0.calls[Self.call("read")] = CallFigures(count: 10, blocked: 500, runQueue: 20)
            $0.calls[Self.call("getppid")] = CallFigures(count: 10, blocked: 7)
            var latency = Latency()
            (latency.calls, latency.onCPU) = (5, 50)
            $0.latencies[Self.call("read")] = latency
        }
        let phases = ModelClassifier(process).phases
        #expect(phases.wait == 520 && phases.transfer == 100 && phases.estimated)
    }

    // MARK: Findings

    static func codes(_ build: (inout ProcessFigures) -> Void) -> [String] {
        Finding.all(in: process(build)).map(\.code)
    }

    @Test func aQuietProgramHasNoFindings() {
        #expect(
            Self.codes {
                $0.files[1] = Self.file(Self.socket, [.epoll: 5000])
                $0.calls[Self.call("epoll_wait")] = CallFigures(count: 2000, blocked: 1_000_000_000)
            } == [])
    }

    @Test(arguments: [(1_000_000, ["sync_in_event_loop"]), (999_999, [])] as [(UInt64, [String])])
    func syncingInAnEventLoopIsFoundFromAMillisecondOn(asleep: UInt64, expected: [String]) {
        #expect(
            Self.codes {
                $0.files[1] = Self.file(Self.socket, [.epoll: 5000])
                $0.calls[Self.call("fsync")] = CallFigures(count: 3, blocked: asleep)
            } == expected)
    }

    @Test(arguments: [(501, ["eagain_spinning"]), (500, [])] as [(UInt64, [String])])
    func spinningIsMoreThanHalfEAGAIN(again: UInt64, expected: [String]) {
        #expect(
            Self.codes { $0.files[1] = Self.file(FileIdentity(fd: 3, type: .pipe), [.nonblocking: 1000], again: again) }
                == expected)
    }

    @Test(arguments: [(10, ["blocking_fd_in_epoll"]), (9, [])] as [(UInt64, [String])])
    func aBlockingSocketInAnEpollSetIsFound(operations: UInt64, expected: [String]) {
        #expect(Self.codes { $0.files[1] = Self.file(Self.socket, [.epollBlockingFD: operations]) } == expected)
    }

    @Test(arguments: [(1001, ["more_waits_than_operations"]), (1000, [])] as [(UInt64, [String])])
    func moreWaitsThanOperationsAreFound(waits: UInt64, expected: [String]) {
        #expect(
            Self.codes {
                $0.files[1] = Self.file(Self.socket, [.epoll: 1000])
                $0.calls[Self.call("epoll_wait")] = CallFigures(count: waits)
            } == expected)
    }

    @Test func operationsOfAByteAreFound() {
        #expect(
            Self.codes {
                $0.files[1] = Self.file(FileIdentity(fd: 3, type: .pipe), [.blocking: 2000], bytes: 1)
                $0.files[1]!.bytesIn = 2000
            } == ["one_byte_operations"])
    }

    @Test func requestsThatGoToWorkersAreFound() {
        #expect(
            Self.codes {
                var figures = UringFigures()
                (figures.completed, figures.punted) = (100, 51)
                $0.uring[23] = figures
                $0.totals.uringOperations = 100
            } == ["uring_mostly_punted"])
    }

    @Test func aPeerThatSetsThePaceIsNamed() {
        let findings = Finding.all(
            in: Self.process {
                for (id, blocked): (UInt64, UInt64) in [(1, 90_000_000), (2, 10_000_000)] {
                    var file = Self.file(
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
            Self.codes { $0.calls[Self.call("accept4")] = CallFigures(count: 100, errors: 51) } == [
                "accept_finds_nothing"
            ])
    }

    @Test func figuresOfAnotherVersionDoNotTrap() {
        let process = Self.process {
            var file = FileFigures(identity: Self.socket)
            file.models = [ModelFigures(operations: .max, bytes: .max)]
            file.again = .max
            $0.files[1] = file
            $0.totals.uringOperations = .max
        }
        _ = ModelClassifier(process)
        _ = Finding.all(in: process)
    }
}
