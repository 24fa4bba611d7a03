import Foundation
import IOModel
import Testing

@testable import Export

/// Snapshots are the files beside this one; `RECORD_SNAPSHOTS=1 swift test` writes them anew. A missing one fails.
@Suite struct TerminalReportTests {
    // MARK: Snapshots

    @Test(arguments: [80, 160])
    func theReportReadsAtAGlance(width: Int) throws {
        try expectSnapshot("terminal-\(width)", render(Self.typical, width: width))
    }

    @Test func colourSetsOffHeadingsWarningsAndErrors() throws {
        let text = render(Self.typical, width: 80, color: true)
        try expectSnapshot("terminal-80-color", text)
        #expect(text.contains("\u{1B}[1mnginx\u{1B}[0m"))
        #expect(text.contains("\u{1B}[31mwarning: \u{1B}[0m"))
        #expect(withoutColour(text) == render(Self.typical, width: 80))
    }

    @Test func anEmptyReportSaysSo() throws {
        var report = Self.typical
        report.processes = []
        report.losses = Losses()
        report.overhead = Overhead()
        report.warnings = [.nothingTraced]
        try expectSnapshot("terminal-empty", render(report, width: 80))
    }

    // MARK: Width

    @Test(arguments: [40, 47, 60, 80, 101, 160, 400])
    func noLineIsWiderThanTheTerminal(width: Int) {
        for report in [Self.typical, Self.hostile, Self.enormous] {
            for sort in SortKey.allCases {
                for line in render(report, width: width, sort: sort, limit: 2).split(separator: "\n") {
                    #expect(DisplayWidth.of(String(line)) <= width, "\(line)")
                }
            }
        }
    }

    @Test func theWidthIsKeptBetween40And400() {
        #expect(render(Self.typical, width: 3) == render(Self.typical, width: 40))
        #expect(render(Self.typical, width: -1) == render(Self.typical, width: 40))
        #expect(render(Self.typical, width: 9999) == render(Self.typical, width: 400))
    }

    @Test func aWideTerminalShowsMore() {
        let narrow = render(Self.typical, width: 80)
        let wide = render(Self.typical, width: 160)
        #expect(narrow.contains("… and 5 more"))
        #expect(!wide.contains("… and 5 more"))
        #expect(longestBar(wide) > longestBar(narrow))
        #expect(!narrow.contains("/var/cache/nginx/proxy_temp/0000/1111/2222/3333/a-rather-long-name.tmp"))
        #expect(wide.contains("/var/cache/nginx/proxy_temp/0000/1111/2222/3333/a-rather-long-name.tmp"))
    }

    @Test func clustersHaveTheirColumns() {
        let widths: [(String, Int)] = [
            ("plain", 5), ("é", 1), ("e\u{301}", 1), ("日本語", 6), ("한글", 4), ("\u{1112}\u{1161}\u{11AB}", 2), ("😀", 2),
            ("👩‍👩‍👧", 2), ("🇩🇪", 2), ("❤️", 2), ("❤", 1), ("1️⃣", 2), ("👍🏽", 2), ("ＡＢ", 4), ("ｱ", 1), ("क्षि", 2), ("…→█▏–µ", 6),
        ]
        for (text, width) in widths { #expect(DisplayWidth.of(text) == width, "\(text)") }
    }

    @Test func wideNamesKeepTheColumnsAligned() {
        var process = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 1, ppid: 0, comm: "日本語🚀"))
        for (fd, path) in ["/plain", "/データ/日本語のファイル名", "/😀👩‍👩‍👧/x", "/cafe\u{301}"].enumerated() {
            process.files[UInt64(fd)] = FileFigures(
                identity: FileIdentity(fd: Int32(fd), type: .regular, path: path), operations: 1, bytesIn: 10)
        }
        let lines = render(Self.report([process]), width: 80).split(separator: "\n").map(String.init)
        let columns = lines.compactMap { line in
            line.range(of: " /").map { DisplayWidth.of(String(line[..<$0.lowerBound])) }
        }
        #expect(columns.count == 4)
        #expect(Set(columns).count == 1)
    }

    @Test func longNamesAreShortenedInTheMiddle() {
        #expect("/usr/lib/x86_64-linux-gnu/libc.so.6".shortenedInMiddle(to: 20) == "/usr/li…nu/libc.so.6")
        #expect("/a/日本語日本語日本語/z".shortenedInMiddle(to: 10).contains("…"))
        for columns in 0...12 {
            #expect(DisplayWidth.of("日本語日本語日本語".shortenedInMiddle(to: columns)) <= columns)
            #expect(DisplayWidth.of("日本語日本語日本語".cut(to: columns)) <= columns)
        }
    }

    // MARK: Hostile names

    @Test func controlCharactersAreSpelledOut() {
        let text = render(Self.hostile, width: 160)
        for scalar in text.unicodeScalars where scalar != "\n" {
            let value = scalar.value
            #expect(value >= 0x20 && !(0x7F...0x9F).contains(value))
            #expect(![0x2028, 0x2029, 0x200E, 0x200F, 0x061C, 0xFEFF].contains(value))
            #expect(!(0x202A...0x202E).contains(value) && !(0x2066...0x2069).contains(value))
        }
        #expect(text.contains("\\x1B[31m"))
        #expect(text.contains("\\x0A"))
        #expect(text.contains("\\u{202E}"))
    }

    @Test func sanitizingSpellsEachKind() {
        #expect(Sanitized("a\tb\u{7F}").text == "a\\x09b\\x7F")
        #expect(Sanitized("\r\n").text == "\\x0D\\x0A")
        #expect(Sanitized("\u{9B}2J").text == "\\u{009B}2J")
        #expect(Sanitized("\u{2066}x\u{2069}\u{2028}").text == "\\u{2066}x\\u{2069}\\u{2028}")
        #expect(Sanitized("naïve 日本 👩‍👧 \\xFF").text == "naïve 日本 👩‍👧 \\xFF")
        let heap = "o" + String(repeating: "\u{301}", count: 100)
        #expect(Sanitized(heap).text.contains("\\u{0301}"))
    }

    // MARK: What must not be hidden

    @Test func lossesAreVisibleByName() {
        #expect(render(Self.report([]), width: 80).contains("losses: none"))
        var report = Self.report([])
        report.losses.fileMapFull = 3
        report.losses.ringDropped = 123_456
        let text = render(report, width: 80)
        #expect(text.contains("losses: file map full 3 · ring dropped 123k"))
        #expect(!text.contains("none"))
        // Every counter of `Losses` has a name here.
        #expect(ReportHeader.named(Losses()).count == Mirror(reflecting: Losses()).children.count)
    }

    @Test func warningsAreReadToTheirEnd() {
        var report = Self.report([])
        let words = (1...60).map { "word\($0)" }
        report.warnings = [
            Warning(
                code: "x", message: words.joined(separator: " ") + " " + String(repeating: "x", count: 200),
                advice: "mend it")
        ]
        let text = render(report, width: 40)
        for word in words { #expect(text.contains(word)) }
        #expect(text.filter { $0 == "x" }.count >= 200)
        #expect(text.contains("mend it"))
    }

    @Test func overheadIsShownWhenKnown() {
        #expect(!render(Self.report([]), width: 80).contains("overhead"))
        var report = Self.report([])
        report.overhead.collectorNanoseconds = 2_000_000
        #expect(render(report, width: 80).contains("overhead: probes – · collector 2.00 ms"))
    }

    @Test func processesBeyondTheLimitAreAddedUp() {
        let text = render(Self.report(Self.numbered(5)), width: 160, limit: 2)
        #expect(text.contains("… and 3 more processes · syscalls 6 · "))
        #expect(text.contains("blocked 6.00 ms"))
        #expect(render(Self.report(Self.numbered(5)), width: 160, limit: 0).contains("… and 5 processes · syscalls 15"))
        #expect(render(Self.report(Self.numbered(5)), width: 160, limit: -3).contains("… and 5 processes"))
        #expect(!render(Self.report(Self.numbered(5)), width: 160, limit: 5).contains("…"))
    }

    @Test func aPidIsShownAloneAndTheOthersAddedUp() {
        let text = render(Self.report(Self.numbered(3)), width: 160, pid: 2)
        #expect(titles(text) == ["worker2"])
        #expect(text.contains("… and 2 more processes · syscalls 4"))
        let none = render(Self.report(Self.numbered(3)), width: 160, pid: 99)
        #expect(none.contains("no process with pid 99 is in this report"))
        #expect(none.contains("… and 3 processes"))
    }

    @Test func sortingRanksTheMostFirst() {
        var processes = Self.numbered(3)
        processes[0].totals.onCPU = 900_000_000
        processes[1].files[1] = FileFigures(identity: FileIdentity(fd: 1, type: .pipe), bytesOut: 1 << 20)
        let report = Self.report(processes)
        let expected: [SortKey: [String]] = [
            .cost: ["worker1", "worker3", "worker2"], .syscalls: ["worker3", "worker2", "worker1"],
            .bytes: ["worker2", "worker1", "worker3"], .blocked: ["worker3", "worker2", "worker1"],
            .cpu: ["worker1", "worker2", "worker3"], .pid: ["worker1", "worker2", "worker3"],
        ]
        for key in SortKey.allCases {
            #expect(titles(render(report, width: 80, sort: key)) == expected[key], "\(key)")
        }
    }

    @Test func restRowsOfTablesAddUp() {
        let text = render(Self.typical, width: 80)
        let sums = text.split(separator: "\n").filter { $0.contains("… and ") && $0.contains(" more") }.map {
            $0.split(separator: " ")
        }
        #expect(sums.count == 2)
        // 600 + 510 + 420 + 330 + 240 + 150 calls; five eventfds with 64 bytes each way in 8 operations.
        #expect(sums.first?[4] == "2250")
        #expect(sums.last?.prefix(5) == ["320", "B", "320", "B", "40"])
    }

    // MARK: Missing and zero

    @Test func zeroFiguresMakeNoNonsense() {
        var process = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 7, ppid: 1, comm: "idle"))
        process.calls[0] = CallFigures()
        process.latencies[0] = Latency()
        process.files[1] = FileFigures(identity: FileIdentity(fd: 0, type: .tty))
        process.totals.causes[0] = 5  // Causes without blocked time: a torn reading.
        let text = render(Self.report([process]), width: 80)
        for nonsense in ["nan", "inf", "NaN"] { #expect(!text.contains(nonsense)) }
        #expect(text.contains("observed 0 ns"))
        #expect(text.contains("–"))
    }

    @Test func exitIsTold() {
        func title(_ change: (inout ProcessIdentity) -> Void) -> String {
            var identity = ProcessIdentity(id: 1, pid: 7, ppid: 1, comm: "x")
            change(&identity)
            return render(Self.report([ProcessFigures(identity: identity)]), width: 80)
        }
        #expect(title { _ in }.contains("· running"))
        #expect(title { $0.exited = true }.contains("· exited –"))
        #expect(title { ($0.exited, $0.exitStatus) = (true, 0) }.contains("· exited 0\n"))
        #expect(title { ($0.exited, $0.exitStatus) = (true, 137) }.contains("· exited 137 (signal 9)"))
    }

    // MARK: Units

    @Test func quantitiesHaveHumanUnits() {
        #expect(
            [0, 9999, 12345, 99_999, 100_000, 999_499, 999_999, 1_234_567].map(HumanUnits.count) == [
                "0", "9999", "12,345", "99,999", "100k", "999k", "1.00M", "1.23M",
            ])
        #expect(
            [0, 1023, 1024, 1_048_000, 1_048_575, 1 << 40, .max].map(HumanUnits.bytes) == [
                "0 B", "1023 B", "1.00 KiB", "1023 KiB", "1.00 MiB", "1.00 TiB", "16.0 EiB",
            ])
        #expect(
            [0, 999, 1000, 12_345, 999_499, 999_500, 59_940_000_000, 1_000_000_000_000].map { HumanUnits.time($0) } == [
                "0 ns", "999 ns", "1.00 µs", "12.3 µs", "999 µs", "1.00 ms", "59.9 s", "16.7 min",
            ])
        #expect(HumanUnits.time(signed: -1500) == "−1.50 µs")
        #expect(HumanUnits.time(signed: .min).hasPrefix("−"))
        #expect([1792, 14336, 114_688].map(HumanUnits.percentile) == ["1.8 µs", "14 µs", "115 µs"])
        #expect(HumanUnits.percent(1, of: 0 as UInt64) == nil)
        #expect(
            [0, 1, 100, 5000, 9999, 10_000].map { HumanUnits.percent($0, of: 10_000 as UInt64) } == [
                "0%", "<0.1%", "1.0%", "50.0%", "100%", "100%",
            ])
    }

    @Test func barsGrowByEighths() {
        #expect(Bars.bar(0, columns: 10) == "")
        #expect(Bars.bar(0.0001, columns: 10) == "▏")
        #expect(Bars.bar(0.5, columns: 3) == "█▌")
        #expect(Bars.bar(1, columns: 3) == "███")
        #expect(Bars.bar(7, columns: 3) == "███")
        #expect(Bars.bar(.nan, columns: 3) == "")
    }
}

// MARK: Reports to render

extension TerminalReportTests {
    static func report(_ processes: [ProcessFigures]) -> Report {
        Report(
            tool: Tool(version: "0.1.0", kernel: "6.12.0"),
            window: Window(startedUnixNanoseconds: 0, duration: 10_000_000_000, end: .duration), processes: processes)
    }

    static func call(_ name: String) -> UInt32 { SyscallNames.number(of: name)! }

    /// worker1 … workerN: N calls and N ms blocked each.
    static func numbered(_ count: UInt32) -> [ProcessFigures] {
        (1...count).map { pid in
            var process = ProcessFigures(
                identity: ProcessIdentity(id: UInt64(pid), pid: pid, ppid: 0, comm: "worker\(pid)", command: ["worker"])
            )
            process.calls[call("read")] = CallFigures(count: UInt64(pid))
            process.totals.blocked = UInt64(pid) * 1_000_000
            return process
        }
    }

    static let typical: Report = {
        var server = ProcessFigures(
            identity: ProcessIdentity(
                id: 10, pid: 41_207, ppid: 1, comm: "nginx", command: ["nginx:", "worker process", "-g", "daemon off;"])
        )
        server.threads = 4
        server.totals.observed = 40_000_000_000
        server.totals.onCPU = 3_214_000_000
        server.totals.blocked = 36_100_000_000
        server.totals.runQueue = 412_000_000
        (server.totals.voluntary, server.totals.involuntary, server.totals.userFaults) = (48_211, 312, 1204)
        server.totals[.multiplexer] = 29_600_000_000
        server.totals[.socketRecv] = 4_100_000_000
        server.totals[.disk] = 1_900_000_000
        server.totals[.lock] = 480_000_000
        server.totals[.pageFault] = 20_000_000
        func add(_ name: String, _ figures: CallFigures, timed: UInt64? = nil, median: Int = 20) {
            server.calls[call(name)] = figures
            guard let timed else { return }
            var latency = Latency()
            latency.calls = timed
            latency.onCPU = timed * 900
            latency.total = timed * 2100
            latency.maximum = 31_000_000
            latency.buckets = [median: timed - timed / 50, median + 24: timed / 50]
            server.latencies[call(name)] = latency
        }
        add(
            "epoll_wait", CallFigures(count: 48_102, sleeps: 47_000, blocked: 29_600_000_000, runQueue: 3_000_000),
            timed: 48_102, median: 52)
        add(
            "recvfrom", CallFigures(count: 151_320, errors: 20_114, bytes: 512 << 20, blocked: 4_100_000_000),
            timed: 9000)
        add("pread64", CallFigures(count: 8123, bytes: 301 << 20, blocked: 1_900_000_000), timed: 8123, median: 30)
        add("futex", CallFigures(count: 940, errors: 12, blocked: 480_000_000), timed: 940)
        add("writev", CallFigures(count: 75_002, bytes: 498 << 20), timed: 4000)
        add("openat", CallFigures(count: 2210, errors: 3), timed: 2210)
        add("close", CallFigures(count: 2207))
        for (index, name) in ["fstat", "setsockopt", "accept4", "epoll_ctl", "ioctl", "getrandom"].enumerated() {
            add(name, CallFigures(count: UInt64(600 - 90 * index)))
        }
        func open(
            _ id: UInt64, _ identity: FileIdentity, _ operations: UInt64, _ input: UInt64, _ output: UInt64,
            blocked: UInt64 = 0, opens: UInt64 = 1
        ) {
            server.files[id] = FileFigures(
                identity: identity, operations: operations, bytesIn: input, bytesOut: output, blocked: blocked,
                opens: opens)
            let slot: ModelSlot =
                identity.type == .epoll
                ? .none : identity.inEpoll ? .epoll : identity.nonblocking ? .nonblocking : .blocking
            server.files[id]!.models[slot.rawValue] = ModelFigures(operations: operations, bytes: input + output)
        }
        open(1, FileIdentity(fd: 6, type: .tcp, local: "0.0.0.0:443", nonblocking: true, inEpoll: true), 640, 0, 0)
        open(
            2,
            FileIdentity(
                fd: 12, type: .tcp, local: "10.0.3.17:443", peer: "203.0.113.9:51820", nonblocking: true, inEpoll: true),
            98_211, 301 << 20, 288 << 20, blocked: 3_900_000_000)
        open(
            3,
            FileIdentity(
                fd: 13, type: .tcp, local: "[2001:db8::17]:443", peer: "[2001:db8:77::9]:40112", nonblocking: true,
                inEpoll: true),
            40_110, 190 << 20, 201 << 20, blocked: 200_000_000)
        open(4, FileIdentity(fd: 9, type: .epoll, path: "[eventpoll]"), 48_102, 0, 0, blocked: 29_600_000_000)
        open(
            5,
            FileIdentity(
                fd: 21, type: .regular, path: "/var/cache/nginx/proxy_temp/0000/1111/2222/3333/a-rather-long-name.tmp"),
            8123, 301 << 20, 0, blocked: 1_900_000_000)
        open(6, FileIdentity(fd: 4, type: .regular, path: "/var/log/nginx/access.log"), 2200, 0, 412 << 10)
        open(
            7, FileIdentity(fd: 15, type: .unixStream, peer: "/run/php/php-fpm.sock", nonblocking: true), 812, 9 << 20,
            2 << 20)
        let transferred: UInt64 = 200 << 20
        server.calls[call("sendfile")] = CallFigures(count: 1600, bytes: transferred)
        server.ledger!.otherIn = transferred
        server.ledger!.otherOut = transferred
        server.ledger!.inNotCopied = transferred
        server.ledger!.outNotCopied = transferred
        server.ledger!.avoided = 150 << 20
        server.ledger!.kernelToKernel = 50 << 20
        server.ledger!.zeroCopyOperations = 1200
        server.ledger!.kernelCopiedOperations = 400
        server.pairs[.init(source: 5, sink: 2)] = PairFigures(
            source: server.files[5]!.identity, sink: server.files[2]!.identity, operations: 1200, bytes: 150 << 20)
        server.hidden[
            .init(file: 2, operation: Operation(code: call("sendfile")), code: HiddenCopy.spliceSourceCopies.rawValue)] =
            HiddenFigures(operations: 400, bytes: 50 << 20)
        server.samples[call("recvfrom")] = SampleFigures(samples: 300, copying: 120)
        server.samples[SampleFigures.noCall] = SampleFigures(samples: 340)
        open(8, FileIdentity(fd: -1, type: .regular, path: "(other regular)"), 2210, 30 << 20, 0, opens: 1840)
        for index in 0..<5 {
            open(
                UInt64(20 + index),
                FileIdentity(fd: Int32(30 + index), type: .eventfd, path: "[eventfd]", nonblocking: true), 8, 64, 64)
        }

        var backup = ProcessFigures(
            identity: ProcessIdentity(
                id: 11, pid: 41_399, ppid: 40_020, comm: "バックアップ",
                command: ["/usr/bin/バックアップ", "--nach", "/srv/Ärger 📦"],
                startedInWindow: true, exited: true, exitStatus: 137))
        backup.threads = 1
        backup.totals.observed = 2_500_000_000
        backup.totals.onCPU = 1_250_100_000
        backup.totals.blocked = 1_250_000_000
        backup.totals[.disk] = 1_250_000_000
        backup.calls[call("read")] = CallFigures(count: 20_480, bytes: 80 << 20, sleeps: 311, blocked: 1_250_000_000)
        backup.calls[call("write")] = CallFigures(count: 20_480, bytes: 80 << 20)
        backup.files[1] = FileFigures(
            identity: FileIdentity(fd: 3, type: .regular, path: "/srv/データ/日本語のとても長い名前のファイル.tar"), operations: 20_480,
            bytesIn: 80 << 20, blocked: 1_250_000_000)
        backup.files[2] = FileFigures(
            identity: FileIdentity(fd: 4, type: .regular, path: "/srv/Ärger 📦/copy.tar"), operations: 20_480,
            bytesOut: 80 << 20)

        var report = Self.report([backup, server])
        report.window.inFlightAtEnd = 4
        report.losses.latencyMapFull = 12
        report.overhead = Overhead(
            probeNanoseconds: 48_000_000, probeRuns: 684_211, addedNanoseconds: 71_000_000,
            collectorNanoseconds: 21_000_000)
        report.warnings = [
            .losses(report.losses)!,
            .probeMissing(
                Tool.Probe(
                    name: "sched_process_hang", attached: false, reason: "ENOENT: this kernel has no such tracepoint")),
        ]
        return report
    }()

    /// Names that try to take the terminal over, or to push the columns about.
    static let hostile: Report = {
        let evil =
            "\u{1B}[31mred\u{1B}]0;title\u{07}\n\r\u{85}\u{9B}2J\u{202E}txt\u{2066}\u{2028}\u{FEFF}\u{200F}\u{7F}"
        var process = ProcessFigures(
            identity: ProcessIdentity(
                id: 1, pid: .max, ppid: .max, comm: evil,
                command: [evil, "日本語" + evil, String(repeating: "👩‍👩‍👧", count: 300)],
                commandTruncated: true, exited: true, exitStatus: -1))
        let names = [
            evil, String(repeating: "語", count: 500), String(repeating: "\u{301}", count: 300),
            String(repeating: "x", count: 4096),
            String(repeating: "🇩🇪", count: 99), "", " ", "\u{1F468}\u{200D}", "क्षि" + evil,
        ]
        for (index, name) in names.enumerated() {
            process.files[UInt64(index)] = FileFigures(
                identity: FileIdentity(
                    fd: .max, type: .unixSeqpacket, path: index % 2 == 0 ? name : nil, local: name, peer: name),
                operations: UInt64(index), bytesIn: UInt64(index) << 54)
        }
        process.calls[0x8000_0000 | 4] = CallFigures(count: 12_345, errors: 12, bytes: 1 << 30, blocked: 99)
        var report = Self.report([process, process, process, process])
        report.tool.kernel = evil + String(repeating: "k", count: 300)
        report.tool.tier = evil
        report.warnings = [Warning(code: "x", message: evil + String(repeating: "語", count: 200), advice: evil)]
        report.losses.threadStorageFailed = .max
        return report
    }()

    /// Every counter as large as it can be without the sums of the model overflowing.
    static let enormous: Report = {
        var process = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 1, ppid: 1, comm: "big"))
        process.threads = .max
        process.totals.observed = .max
        process.totals.residualFree()
        process.totals.causes = process.totals.causes.map { _ in .max / 16 }
        for number: UInt32 in 0..<60 {
            process.calls[number] = CallFigures(
                count: .max / 4096, errors: .max / 4096, bytes: .max / 4096, sleeps: .max / 4096, blocked: .max / 4096,
                runQueue: .max / 4096)
            process.files[UInt64(number)] = FileFigures(
                identity: FileIdentity(fd: .max, type: .unixSeqpacket, nonblocking: true, inEpoll: true),
                operations: .max / 4096,
                bytesIn: .max / 4096, bytesOut: .max / 4096, blocked: .max / 4096, opens: .max / 4096)
        }
        var report = Self.report([process])
        report.window.duration = .max
        report.overhead = Overhead(
            probeNanoseconds: .max, probeRuns: .max, addedNanoseconds: .max, collectorNanoseconds: .max)
        return report
    }()
}

extension Totals {
    fileprivate mutating func residualFree() { (onCPU, blocked, runQueue) = (.max, .max, .max) }
}

// MARK: Reading what was rendered

private func render(
    _ report: Report, width: Int, color: Bool = false, sort: SortKey = .cost, limit: Int = 10, pid: UInt32? = nil
) -> String {
    let options = TerminalReport.Options(width: width, color: color, sort: sort, limit: limit, pid: pid)
    return String(decoding: TerminalReport(report: report, options: options).rendered(), as: UTF8.self)
}

/// The comms of the processes shown, in order: titles alone have a pid and no indentation.
private func titles(_ text: String) -> [String] {
    text.split(separator: "\n").filter { !$0.hasPrefix(" ") && $0.contains("  pid ") }
        .map { String($0.prefix { $0 != " " }) }
}

private func longestBar(_ text: String) -> Int {
    text.split(separator: "\n").map { line in line.count { $0 == "█" } }.max() ?? 0
}

private func withoutColour(_ text: String) -> String {
    text.replacing(/\u{1B}\[[0-9]+m/, with: "")
}

private func expectSnapshot(
    _ name: String, _ text: String, file: String = #filePath, location: SourceLocation = #_sourceLocation
) throws {
    let url = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent("Snapshots/\(name).txt")
    if ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1" { try Data(text.utf8).write(to: url) }
    guard let data = try? Data(contentsOf: url) else {
        Issue.record("\(url.path) is missing; RECORD_SNAPSHOTS=1 writes it", sourceLocation: location)
        return
    }
    #expect(text == String(decoding: data, as: UTF8.self), sourceLocation: location)
}
