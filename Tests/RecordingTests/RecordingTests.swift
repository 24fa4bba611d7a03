import IOModel
import Recording
import Testing

@Suite struct RecordingTests {
    static func figures(bytes: UInt64, count: UInt64) -> ProcessFigures {
        var process = ProcessFigures(
            identity: ProcessIdentity(id: 77, pid: 7, ppid: 1, comm: "a\u{1B}b", command: ["a", "日本"], exitStatus: nil))
        process.threads = 2
        process.totals.observed = 100 * count
        process.totals[.pipe] = 3
        process.calls[0] = CallFigures(count: count, bytes: bytes)
        var latency = Latency()
        latency.calls = 1
        latency.buckets = [3: 1]
        process.latencies[0] = latency
        process.files[5] = FileFigures(
            identity: FileIdentity(fd: 3, type: .regular, path: "/tmp/x"), operations: count, bytesIn: bytes)
        process.files[5]!.ledger.direct = bytes
        process.ledger!.avoidedObserved = bytes
        process.hidden[.init(file: 5, operation: Operation(code: 40), code: 2)] = HiddenFigures(operations: 1, bytes: 4)
        process.pairs[.init(source: 5, sink: 6)] = PairFigures(
            source: FileIdentity(fd: 3, type: .regular, path: "/tmp/x"), operations: 1, bytes: 4)
        process.threadCopies[.init(started: 1000, tid: 7)] = ThreadCopies(bytesIn: bytes)
        process.samples[SampleFigures.noCall] = SampleFigures(samples: 2, copying: 1)
        return process
    }

    static let window = Window(
        startedUnixNanoseconds: 1, duration: 20, end: .exit, inFlightAtStart: 1, inFlightAtEnd: 2)
    static let header = Recording.header(
        tool: Tool(kernel: "6.18", probes: [.init(name: "p", attached: false, reason: "why")]), window: window)
    static let intervals =
        Recording.interval(index: 0, at: 10, processes: [figures(bytes: 10, count: 1)], losses: Losses())
        + Recording.interval(index: 1, at: 20, processes: [figures(bytes: 5, count: 2)], losses: Losses())
    static let end = Recording.end(
        window: window, losses: Losses(), overhead: Overhead(probeNanoseconds: 4, addedNanoseconds: 6),
        warnings: [.nothingTraced])

    @Test func intervalsAddUp() throws {
        let report = try Recording.report(from: Self.header + Self.intervals + Self.end)
        let process = try #require(report.processes.first)
        #expect(report.processes.count == 1)
        #expect(process.calls[0] == CallFigures(count: 3, bytes: 15))
        #expect(process.files[5]?.bytesIn == 15)
        #expect(process.files[5]?.identity.path == "/tmp/x")
        #expect(process.latencies[0]?.buckets == [3: 2])
        #expect(process.totals[.pipe] == 6)
        #expect(process.identity.command == ["a", "日本"])
        #expect(process.ledger?.avoidedObserved == 15 && process.files[5]?.ledger.direct == 15)
        #expect(process.hidden.values.map(\.bytes) == [8])
        #expect(process.pairs.values.map(\.avoided) == [8])
        #expect(process.pairs.values.first?.source?.path == "/tmp/x" && process.pairs.values.first?.sink == nil)
        #expect(process.threadCopies[.init(started: 1000, tid: 7)]?.bytesIn == 15)
        #expect(process.samples[SampleFigures.noCall] == SampleFigures(samples: 4, copying: 2))
        #expect(report.window == Self.window)
        #expect(report.overhead.probeNanoseconds == 4 && report.overhead.addedNanoseconds == 6)
        #expect(report.warnings == [.nothingTraced])
        #expect(report.tool.probes == [.init(name: "p", attached: false, reason: "why")])
    }

    @Test func aRecordingFromBeforeTheLedgerHasNone() throws {
        let interval = """
            {"type":"interval","index":0,"at_ns":10,"processes":[{"id":77,"identity":{"pid":7,"ppid":1,"comm":"a",\
            "command":null,"command_truncated":false,"cgroup":null,"started_in_window":true,"exited":false,\
            "exit_status":null},"threads":1,"totals":[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],\
            "calls":[[0,3,0,30,0,0,0]],"latencies":[],"files":[{"id":5,"identity":{"fd":3,"type":"regular","path":"/x",\
            "local":null,"peer":null,"nonblocking":false,"in_epoll":false},"counters":[3,30,0,0,1]}]}],\
            "losses":[0,0,0,0,0,0,0]}
            """
        let report = try Recording.report(from: Self.header + Array((interval + "\n").utf8))
        #expect(report.processes.first?.calls[0]?.count == 3)
        #expect(report.processes.first?.files[5]?.bytesIn == 30)
        #expect(report.processes.first?.ledger == nil)
    }

    @Test func aKilledRecorderLosesOnlyWhatItHadNotWritten() throws {
        let whole = Self.header + Self.intervals
        let report = try Recording.report(from: whole)
        #expect(report.processes.first?.calls[0]?.count == 3)
        #expect(report.window.duration == 20)
        #expect(report.warnings.map(\.code) == ["recording_truncated"])
        let cut = try Recording.report(from: whole.dropLast(10))
        #expect(cut.processes.first?.calls[0]?.count == 1)
        #expect(cut.warnings.map(\.code) == ["recording_truncated"])
    }

    @Test(
        arguments: [
            ("", nil), ("\u{89}PNG\r\n", 1), ("{}\n", 1), ("{\"schema\":\"other/1\"}\n", 1), ("[[[[\n", 1),
        ] as [(String, Int?)])
    func foreignFilesAreNamedAsSuch(text: String, line: Int?) throws {
        let failure = #expect(throws: Recording.Failure.self) { try Recording.report(from: Array(text.utf8)) }
        #expect(failure?.line == line)
    }

    @Test func aCorruptLineIsNamed() {
        var bytes = Self.header + Self.intervals + Self.end
        bytes[Self.header.count + 30] = UInt8(ascii: "}")
        let failure = #expect(throws: Recording.Failure.self) { try Recording.report(from: bytes) }
        #expect(failure?.line == 2)
    }

    /// Whatever one byte is changed to, reading ends in a report or a failure, never in a crash.
    @Test func noChangedByteCrashesTheReader() {
        let whole = Self.header + Self.intervals + Self.end
        var outcomes = 0
        for position in whole.indices {
            for replacement in [UInt8(ascii: "9"), UInt8(ascii: "\""), UInt8(ascii: "-"), 0xFF] {
                var bytes = whole
                bytes[position] = replacement
                _ = try? Recording.report(from: bytes)
                outcomes += 1
            }
        }
        #expect(outcomes == 4 * whole.count)
    }
}
