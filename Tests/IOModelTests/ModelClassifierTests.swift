import Testing

@testable import IOModel

/// Literals in, tags and rows out.
@Suite struct ModelClassifierTests {
    @Test func aServerOnEpollIsMultiplexed() throws {
        let process = Literals.process {
            $0.files[1] = Literals.file(Literals.socket, [.epoll: 990, .epollBlockingFD: 10])
            $0.calls[Literals.call("epoll_wait")] = CallFigures(count: 510, errors: 10)
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
            var identity = Literals.socket
            identity.epollEvents = 1 << UInt32(bit)
            let process = Literals.process {
                $0.files[1] = Literals.file(identity, [.epoll: 10])
                $0.calls = Literals.waits(1)
            }
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
            let classifier = ModelClassifier(
                Literals.process { $0.files[1] = Literals.file(Literals.socket, [slot: 10]) })
            #expect(classifier.tags == [model], "\(slot)")
            #expect(classifier.rows.map(\.subModel) == [sub], "\(slot)")
        }
    }

    @Test func requestsOfARingAreAsyncWithOrWithoutAFile() {
        let process = Literals.process {
            $0.files[1] = Literals.file(FileIdentity(fd: 3, type: .regular, path: "/data"), [.uring: 8])
            $0.totals.uringOperations = 10
            $0.rings[77] = UringRing(setupFlags: 0)
        }
        let classifier = ModelClassifier(process)
        #expect(classifier.tags == ["async"])
        #expect(classifier.rows.map(\.operations) == [10] && classifier.rows.map(\.bytes) == [800])
        #expect(classifier.quadrants.asyncNonblocking.operations == 10)
    }

    @Test func aModelBelowAHundredthIsListedAndNoTag() {
        let process = Literals.process {
            $0.files[1] = Literals.file(Literals.socket, [.epoll: 999])
            $0.calls = Literals.waits(1)
            $0.files[2] = Literals.file(FileIdentity(fd: 6, type: .regular, path: "/var/log/x"), [.blocking: 5])
        }
        let classifier = ModelClassifier(process)
        #expect(classifier.tags == ["multiplexed"])
        #expect(classifier.rows.map(\.model).sorted() == ["blocking", "multiplexed"])
        let shares = classifier.rows.compactMap(\.operationShare).reduce(0, +)
        #expect(abs(shares - 1) < 1e-9)
    }

    @Test func modulesOfTheProgramDecideNoTag() {
        let process = Literals.process {
            for (id, path) in ["/usr/lib/python3/a.pyc", "/home/u/venv/lib/site-packages/x", "/x/libm.so.6"]
                .enumerated()
            {
                $0.files[UInt64(id)] = Literals.file(FileIdentity(fd: 3, type: .regular, path: path), [.blocking: 50])
            }
        }
        let classifier = ModelClassifier(process)
        #expect(classifier.tags == [])
        #expect(classifier.rows.map(\.subModel) == ["program files"])
    }

    @Test func anIdleProcessHasNoTagAndNoRow() {
        let classifier = ModelClassifier(Literals.process { _ in })
        #expect(classifier.tags.isEmpty && classifier.rows.isEmpty)
        #expect(classifier.phases.wait == 0 && classifier.phases.transfer == 0)
    }

    /// One EAGAIN is no polling, nor is what a watched fd has: the figures are 100 and more than half.
    @Test(arguments: [(150, 101, true), (150, 99, false), (300, 150, false), (1, 1, false)])
    func pollingAnFDThatHasNothingIsBusyPolling(operations: UInt64, again: UInt64, busy: Bool) {
        let pipe = FileIdentity(fd: 3, type: .pipe, nonblocking: true)
        let classifier = ModelClassifier(
            Literals.process {
                $0.files[1] = Literals.file(pipe, [.nonblocking: operations], again: again)
                $0.files[2] = Literals.file(Literals.socket, [.epoll: 1], again: 1000)
                $0.calls = Literals.waits(1)
            })
        #expect(classifier.tags.contains("nonblocking") == (operations > 1))
        #expect(classifier.rows.first?.subModel == (busy ? "busy-polling" : nil))
        #expect(classifier.rows.first?.evidence.hasSuffix("; EAGAIN \(again) times") == true)
    }

    @Test func eagainOfAnFDWithSeveralModelsIsAnUpperBound() {
        let classifier = ModelClassifier(
            Literals.process {
                $0.files[1] = Literals.file(Literals.socket, [.nonblocking: 10, .epoll: 90], again: 50)
                $0.calls = Literals.waits(1)
            })
        #expect(classifier.rows.first?.evidence.hasSuffix("; EAGAIN at most 10 times") == true)
    }

    @Test func aProgramsOwnStateInProcDecidesNoTagAndThatOfOthersDoes() {
        for (pid, tags) in [(UInt32(10), [String]()), (11, ["blocking"])] {
            let process = Literals.process {
                $0.identity.pid = pid
                $0.files[1] = Literals.file(FileIdentity(fd: 3, type: .regular, path: "/proc/10/stat"), [.blocking: 5])
            }
            #expect(ModelClassifier(process).tags == tags)
        }
    }

    @Test func smallMappingsDecideNothingAndLargeOnesAreZeroCopy() {
        for (bytes, tags): (UInt64, [String]) in [(1 << 19, []), (1 << 24, ["zero-copy"])] {
            let process = Literals.process { $0.ledger!.mapped = bytes }
            #expect(ModelClassifier(process).tags == tags)
        }
    }

    @Test func figuresOfAnotherVersionDoNotTrap() {
        let process = Literals.process {
            var file = FileFigures(identity: Literals.socket)
            file.models = [ModelFigures(operations: .max, bytes: .max)]
            file.again = .max
            $0.files[1] = file
            $0.totals.uringOperations = .max
        }
        _ = ModelClassifier(process)
        _ = Finding.all(in: process)
    }

    // MARK: Whose epoll set it is, and what is no I/O

    /// A parent that watches an fd tells the child that has it too nothing.
    @Test func anEpollSetOfAnotherProcessWatchesNothing() {
        let classifier = ModelClassifier(
            Literals.process {
                $0.files[1] = Literals.file(FileIdentity(fd: 0, type: .tty), [.epollBlockingFD: 10])
                $0.files[2] = Literals.file(Literals.socket, [.epoll: 5], again: 5)
            })
        #expect(classifier.tags == ["blocking", "nonblocking"])
        #expect(classifier.rows.map(\.operations) == [10, 5])
        #expect(classifier.sums.again == 5)
    }

    @Test func aWaitThatHasNotReturnedIsAWaitAllTheSame() {
        let classifier = ModelClassifier(
            Literals.process {
                $0.files[1] = Literals.file(Literals.socket, [.epoll: 10])
                $0.calls[Literals.call("epoll_pwait")] = CallFigures(blocked: 1000)
            })
        #expect(classifier.tags == ["multiplexed"])
    }

    @Test(arguments: ["epoll_wait", "ppoll", "select", "io_getevents"])
    func waitingForNothingThatComesMakesNoTag(call: String) {
        let classifier = ModelClassifier(Literals.process { $0.calls = Literals.waits(500, call) })
        #expect(classifier.tags == [])
        #expect(classifier.rows.map(\.waits) == [500] && classifier.rows.map(\.decides) == [false])
        #expect(classifier.rows.first?.operationShare == 1)
    }

    @Test func aRingForTimersIsNoAsynchronousIO() {
        let classifier = ModelClassifier(
            Literals.process {
                var timers = RequestFigures(), nothing = RequestFigures()
                (timers.completed, timers.errors) = (50, 50)  // ETIME
                nothing.completed = 20
                $0.requests = [Literals.request(11): timers, Literals.request(0): nothing]
                $0.totals.uringOperations = 20
                $0.rings[77] = UringRing(setupFlags: 0)
            })
        #expect(classifier.tags == [] && classifier.rows.isEmpty)
    }

    // MARK: Start-up

    @Test func manyModulesDoNotThinOutATag() throws {
        let classifier = ModelClassifier(
            Literals.process {
                let module = FileIdentity(fd: 3, type: .regular, path: "/usr/lib/python3/a.pyc")
                $0.files[1] = Literals.file(module, [.blocking: 100_000])
                $0.files[2] = Literals.file(FileIdentity(fd: 4, type: .pipe), [.blocking: 10])
            })
        #expect(classifier.tags == ["blocking"])
        #expect(classifier.decision(on: "blocking").operationShare == 1)
        let shares = classifier.rows.compactMap(\.operationShare)
        #expect(shares.reduce(0, +) == 1 && shares[0] < 0.001)
    }

    @Test(arguments: [
        (["/bin/sh", "./x"], "/home/u/x", true), (["/bin/bash", "-e", "bin/x"], "/home/u/bin/x", true),
        (["python3.13", "x"], "/home/u/x", true), (["/usr/bin/perl", "/home/u/x"], "/home/u/x", true),
        (["/bin/cat", "x"], "/home/u/x", false), (["/bin/sh", "x"], "/home/u/y", false),
        (["/bin/sh", "-c", "cat x"], "/home/u/x", false), (["shred", "x"], "/home/u/x", false),
    ])
    func theScriptOfAnInterpreterIsPartOfTheProgram(command: [String], path: String, isPart: Bool) {
        let files = ProgramFiles(pid: 1, command: command)
        #expect(files.contain(FileIdentity(fd: 3, type: .regular, path: path)) == isPart)
    }

    // MARK: Sums

    @Test func sharesSumToOneAndTheQuadrantsHoldEveryOperation() {
        let classifier = ModelClassifier(
            Literals.process {
                for (index, slot) in ModelSlot.allCases.enumerated() {
                    $0.files[UInt64(index)] = Literals.file(Literals.socket, [slot: UInt64(index + 1)])
                }
                $0.calls = Literals.waits(3)
                $0.calls[Literals.call("poll")] = CallFigures(count: 5, errors: 1)
                $0.calls[Literals.call("process_vm_readv")] = CallFigures(count: 2, bytes: 100)
            })
        let rows = classifier.rows
        #expect(abs(rows.compactMap(\.operationShare).reduce(0, +) - 1) < 1e-12)
        #expect(abs(rows.compactMap(\.byteShare).reduce(0, +) - 1) < 1e-12)
        let quadrants = classifier.quadrants
        let inQuadrants = [
            quadrants.syncBlocking, quadrants.syncNonblocking, quadrants.asyncBlocking, quadrants.asyncNonblocking,
        ].reduce(0) { $0 + $1.operations }
        #expect(inQuadrants == rows.reduce(0) { $0 + $1.operations })
    }

    /// What holds for one process only must not change when it is added to another.
    @Test func aTotalIsTheSumOfItsProcesses() {
        let child = Literals.process {
            $0.identity.pid = 2
            $0.files[1] = Literals.file(FileIdentity(fd: 0, type: .tty), [.epollBlockingFD: 10])
            $0.files[2] = Literals.file(FileIdentity(fd: 3, type: .regular, path: "/proc/2/stat"), [.blocking: 5])
        }
        let parent = Literals.process {
            $0.files[3] = Literals.file(Literals.socket, [.epoll: 20])
            $0.calls = Literals.waits(7)
        }
        var total = parent
        total += child
        let classifier = ModelClassifier([parent, child], total: total)
        let sums = Dictionary(uniqueKeysWithValues: classifier.rows.map { ($0.rule, $0.operations) })
        #expect(sums == [.blocking: 10, .programFiles: 5, .epoll: 27])
    }

    // MARK: What is no I/O by itself

    @Test(arguments: [(FileType.eventfd, false), (.timerfd, false), (.signalfd, false), (.pipe, true), (.tcp, true)])
    func wakeUpsOfItsOwnMakeNoTag(type: FileType, decides: Bool) {
        let classifier = ModelClassifier(
            Literals.process {
                $0.files[1] = Literals.file(FileIdentity(fd: 3, type: type), [.epoll: 100], bytes: 8)
                $0.calls = Literals.waits(100)
            })
        #expect(classifier.rows.map(\.decides) == [decides])
        #expect(classifier.tags == (decides ? ["multiplexed"] : []))
    }

    @Test(arguments: [(1, 4095, false), (1, 4096, true), (2, 1, true)] as [(UInt64, UInt64, Bool)])
    func oneSmallOperationIsNoWayOfDoingIO(operations: UInt64, bytes: UInt64, isTag: Bool) {
        let classifier = ModelClassifier(
            Literals.process { $0.files[1] = Literals.file(Literals.socket, [.blocking: operations], bytes: bytes) })
        #expect(classifier.tags == (isTag ? ["blocking"] : []))
    }

    @Test func mappingsOfTheProgramsOwnFilesDecideNothing() {
        for (path, tags) in [("/usr/lib/jvm/lib/server/classes.jsa", [String]()), ("/srv/data", ["zero-copy"])] {
            let process = Literals.process {
                var file = FileFigures(identity: FileIdentity(fd: 3, type: .regular, path: path))
                file.ledger.mapped = 1 << 24
                $0.files[1] = file
                $0.ledger!.mapped = 1 << 24
            }
            #expect(ModelClassifier(process).tags == tags)
        }
    }

    // MARK: Waits that are none

    @Test func pollWithoutFdsIsNoWait() {
        let process = Literals.process {
            $0.files[1] = Literals.file(Literals.socket, [.poll: 10])
            $0.calls[Literals.call("poll")] = CallFigures(count: 110, blocked: 5000, runQueue: 50)
            ($0.totals.pollSleeps, $0.totals.sleepWait) = (100, 4950)
        }
        let classifier = ModelClassifier(process)
        #expect(classifier.rows.map(\.waits) == [10])
        #expect(classifier.phases.wait == 100 && classifier.quadrants.asyncBlocking.time.nanoseconds == 100)
        #expect(classifier.quadrants.asyncBlocking.operations == 10)
    }

    @Test func askingIsNoBlockingQuadrant() {
        let process = Literals.process {
            $0.files[1] = Literals.file(Literals.socket, [.poll: 10])
            $0.calls[Literals.call("poll")] = CallFigures(count: 100, blocked: 5000)
            $0.totals.instantWaits = 90
        }
        let quadrants = ModelClassifier(process).quadrants
        #expect(quadrants.asyncBlocking.operations == 10 && quadrants.asyncNonblocking.operations == 90)
        #expect(quadrants.asyncBlocking.time.nanoseconds == 5000)
    }
}
