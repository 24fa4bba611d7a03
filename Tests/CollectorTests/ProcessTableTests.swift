import Collector
import IOModel
import Testing

/// Names without a system.
struct FixedNames: ProcessNaming {
    mutating func startSnapshot() {}
    mutating func command(ofProcess pid: UInt32) -> [String]? { ["seen", "\(pid)"] }
    mutating func cgroup(id: UInt64) -> String? { id == 0 ? nil : "/group" }
}

@Suite struct ProcessTableTests {
    static func snapshot(at time: UInt64 = 1, _ build: (inout Snapshot) -> Void) -> Snapshot {
        var snapshot = Snapshot(takenAt: time)
        build(&snapshot)
        return snapshot
    }

    static func file(_ id: UInt64, operations: UInt64 = 0, bytesIn: UInt64 = 0, closed: Bool = false) -> Snapshot.File {
        Snapshot.File(
            id: id, processID: 1,
            figures: FileFigures(
                identity: FileIdentity(fd: 3, type: .regular, path: "/f\(id)"), operations: operations, bytesIn: bytesIn
            ),
            closed: closed)
    }

    @Test func liveThreadsAndEndedOnesAddUp() throws {
        var table = ProcessTable(names: FixedNames())
        var ended = Totals()
        ended.voluntary = 2
        var live = Totals()
        live.voluntary = 3
        _ = table.absorb(
            Self.snapshot { snapshot in
                snapshot.processes = [.init(id: 1, pid: 10, comm: "x", threadsEnded: 1, totals: ended)]
                snapshot.calls[.init(processID: 1, number: 0)] = CallFigures(count: 5)
                snapshot.calls[.init(processID: 1, number: 0, tid: 11)] = CallFigures(count: 1)
                snapshot.threads = [.init(processID: 1, tid: 11, totals: live, calls: [0: CallFigures(count: 7)])]
            })
        let process = try #require(table.processes.first)
        #expect(process.calls[0]?.count == 13)
        #expect(process.totals.voluntary == 5)
        #expect(process.threads == 2)
        #expect(process.identity.command == ["seen", "10"])
    }

    @Test func aCounterOnItsWayFromThreadToProcessIsCountedOnce() throws {
        var table = ProcessTable(names: FixedNames())
        let process = Snapshot.Process(id: 1, pid: 10, comm: "x")
        _ = table.absorb(
            Self.snapshot {
                $0.processes = [process]
                $0.threads = [.init(processID: 1, tid: 11, calls: [0: CallFigures(count: 7)])]
            })
        // The thread ended after the sums were read and before the threads were: for one reading it is in neither.
        let missed = table.absorb(Self.snapshot { $0.processes = [process] })
        #expect(missed.interval.isEmpty)
        #expect(table.processes.first?.calls[0]?.count == 7)
        let settled = table.absorb(
            Self.snapshot {
                $0.processes = [process]
                $0.calls[.init(processID: 1, number: 0)] = CallFigures(count: 9)
            })
        #expect(settled.interval.first?.calls[0]?.count == 2)
        #expect(table.processes.first?.calls[0]?.count == 9)
    }

    @Test func aSleepInProgressIsChargedToItsCallAndFile() throws {
        var table = ProcessTable(names: FixedNames())
        let change = table.absorb(
            Self.snapshot {
                $0.processes = [.init(id: 1, pid: 10, comm: "x")]
                $0.files = [Self.file(4)]
                $0.threads = [
                    .init(processID: 1, tid: 10, openCall: .init(number: 0, fileID: 4, blocked: 300, runQueue: 1))
                ]
            })
        #expect(change.callsInProgress == 1)
        let process = try #require(table.processes.first)
        #expect(process.calls[0] == CallFigures(blocked: 300, runQueue: 1))
        #expect(process.files[4]?.blocked == 300)
    }

    @Test func anEndedProcessIsForgottenInTheKernelAndKeptInTheTable() {
        var table = ProcessTable(names: FixedNames())
        let ended = Snapshot.Process(id: 1, pid: 10, comm: "x", exitedNanoseconds: 1000, waitStatus: 9)
        let early = table.absorb(Self.snapshot(at: 1001) { $0.processes = [ended] })
        #expect(early.endedProcesses.isEmpty)
        let late = table.absorb(
            Self.snapshot(at: 200_001_000) {
                $0.processes = [ended]
                $0.files = [Self.file(4, operations: 1, bytesIn: 5)]
            })
        #expect(late.endedProcesses == [1])
        #expect(late.closedFiles == [4])
        _ = table.absorb(Self.snapshot(at: 200_001_001) { _ in })
        #expect(table.processes.first?.identity.exitStatus == 137)
        #expect(table.processes.first?.files[4]?.bytesIn == 5)
    }

    @Test func aRecorderKeepsNothingOfAnEndedProcessBeyondItsLastInterval() {
        var table = ProcessTable(names: FixedNames(), keepsEnded: false)
        let calls = Snapshot.CallKey(processID: 1, number: 0)
        _ = table.absorb(
            Self.snapshot(at: 1) {
                $0.processes = [.init(id: 1, pid: 10, comm: "x"), .init(id: 2, pid: 20, comm: "y")]
                $0.calls[calls] = CallFigures(count: 5)
            })
        let last = table.absorb(
            Self.snapshot(at: 200_001_000) {
                $0.processes = [
                    .init(id: 1, pid: 10, comm: "x", exitedNanoseconds: 1000), .init(id: 2, pid: 20, comm: "y"),
                ]
                $0.calls[calls] = CallFigures(count: 7)
            })
        #expect(last.endedProcesses == [1])
        #expect(last.interval.first?.calls[0]?.count == 2)
        #expect(table.processes.map(\.identity.id) == [2])
    }

    @Test func aClosedFileIsForgottenOnceNoThreadCanAddToIt() {
        var table = ProcessTable(names: FixedNames())
        let process = Snapshot.Process(id: 1, pid: 10, comm: "x")
        func absorb(held: Bool) -> [UInt64] {
            table.absorb(
                Self.snapshot {
                    $0.processes = [process]
                    $0.files = [Self.file(4, operations: 1, closed: true)]
                    if held {
                        let fd = Snapshot.Thread.FDFigures(
                            fileID: 4, operations: 1, bytesIn: 0, bytesOut: 0, blocked: 0)
                        $0.threads = [.init(processID: 1, tid: 10, fds: [fd])]
                    }
                }
            ).closedFiles
        }
        #expect(absorb(held: true).isEmpty)
        #expect(absorb(held: false).isEmpty)
        #expect(absorb(held: false) == [4])
    }

    @Test func aClosedFileThatMayBeOpenedAgainIsForgottenWhenItIsNot() {
        var table = ProcessTable(names: FixedNames())
        let process = Snapshot.Process(id: 1, pid: 10, comm: "x")
        func absorb(opens: UInt64, operations: UInt64) -> ProcessTable.Change {
            table.absorb(
                Self.snapshot {
                    var file = Self.file(4, operations: operations, closed: true)
                    file.pathNumber = 77
                    file.figures.opens = opens
                    $0.processes = [process]
                    $0.files = [file]
                })
        }
        for opens in UInt64(1)...3 {  // opened and closed between readings
            let change = absorb(opens: opens, operations: opens)
            #expect(change.unusedFiles.isEmpty && change.closedFiles.isEmpty)
        }
        let unused = absorb(opens: 3, operations: 3)
        #expect(unused.unusedFiles == [4] && unused.closedFiles.isEmpty)
        let opened = absorb(opens: 4, operations: 4)  // just before it could no longer be
        #expect(opened.unusedFiles.isEmpty && opened.closedFiles.isEmpty)
        #expect(absorb(opens: 4, operations: 4).unusedFiles == [4])
        #expect(absorb(opens: 4, operations: 4).closedFiles == [4])
        #expect(table.processes.first?.files[4]?.opens == 4)
        #expect(table.processes.first?.files[4]?.operations == 4)
    }

    @Test func statusesAreAShells() throws {
        for (status, expected) in [(Int32(0), 0), (3 << 8, 3), (15, 143), (0x8B, 139)] {
            var table = ProcessTable(names: FixedNames())
            _ = table.absorb(
                Self.snapshot { $0.processes = [.init(id: 1, pid: 1, exitedNanoseconds: 1, waitStatus: status)] })
            #expect(table.processes.first?.identity.exitStatus == expected)
        }
    }
}
