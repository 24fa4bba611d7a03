import IOModel
import Testing

@Suite struct FiguresTests {
    @Test func residualIsWhatNoThreadWasChargedFor() {
        var totals = Totals()
        totals.observed = 100
        totals.onCPU = 30
        totals.blocked = 60
        totals.runQueue = 5
        #expect(totals.residual == 5)
        totals.onCPU = 40
        #expect(totals.residual == -5)
    }

    @Test func aReadingThatMissesCountersGivesNoNegativeDifference() {
        let before = CallFigures(count: 10, errors: 1, bytes: 100)
        let after = CallFigures(count: 8, errors: 2, bytes: 100)
        #expect(after.since(before) == CallFigures(errors: 1))
    }

    @Test func modeSwitchesAreTwoPerCallAndPerUserFault() {
        var process = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 1, ppid: 0, comm: "x"))
        process.calls = [0: CallFigures(count: 3), 1: CallFigures(count: 2)]
        process.totals.userFaults = 4
        #expect(process.modeSwitches == 18)
    }

    @Test func timeOfACallIsUnknownUnlessItWasTimed() throws {
        var process = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 1, ppid: 0, comm: "x"))
        process.calls[0] = CallFigures(count: 10, blocked: 1000, runQueue: 50)
        #expect(process.time(of: 0) == nil)
        var latency = Latency()
        latency.calls = 5
        latency.onCPU = 500
        process.latencies[0] = latency
        let sampled = try #require(process.time(of: 0))
        #expect(sampled.nanoseconds == 2050)
        #expect(sampled.estimated)
        process.latencies[0]!.calls = 10
        let full = try #require(process.time(of: 0))
        #expect(!full.estimated)
    }

    @Test func foldedFilesKeepTheirSums() {
        var process = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 1, ppid: 0, comm: "x"))
        for id in 1...10 {
            process.files[UInt64(id)] = FileFigures(
                identity: FileIdentity(fd: 3, type: .tcp), operations: 1, bytesIn: UInt64(id))
        }
        let folded = process.foldFiles(beyond: 4)
        #expect(folded == 6)
        #expect(process.files.count == 5)
        #expect(process.files[10]?.bytesIn == 10)
        #expect(process.files.values.reduce(0) { $0 + $1.bytesIn } == 55)
        #expect(process.files.values.reduce(0) { $0 + $1.opens } == 10)
    }
}

@Suite struct FoldingTests {
    @Test func filesOfOnePathComeTogetherBeforeAnythingElse() throws {
        var process = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 1, ppid: 0, comm: "x"))
        for id in UInt64(1)...20 {
            process.files[id] = FileFigures(
                identity: FileIdentity(fd: 3, type: .regular, path: "/page"), operations: 1, bytesIn: 10)
        }
        process.files[21] = FileFigures(identity: FileIdentity(fd: 4, type: .tcp, local: "0.0.0.0:80"), operations: 1)
        #expect(process.foldFiles(beyond: 4) == 20)
        #expect(process.files[21]?.identity.local == "0.0.0.0:80")
        let page = try #require(process.files.values.first { $0.identity.path == "/page" })
        #expect(page.opens == 20)
        #expect(page.bytesIn == 200)
        #expect(process.files.count == 2)
    }
}

@Suite struct LatencyTests {
    @Test func boundsRiseByAQuarterOfAnOctave() {
        #expect(Latency.upperBound(of: 0) == 64)
        #expect(Latency.upperBound(of: 1) == 80)
        #expect(Latency.upperBound(of: 4) == 128)
        #expect(Latency.upperBound(of: 5) == 160)
        #expect(Latency.upperBound(of: Latency.bucketCount - 1) == nil)
    }

    @Test(arguments: [(0.5, UInt64(80)), (0.9, 160), (1.0, 150_000)])
    func percentileIsTheBoundOfItsBucket(share: Double, expected: UInt64) {
        var latency = Latency()
        latency.calls = 10
        latency.maximum = 150_000
        latency.buckets = [1: 5, 5: 4, Latency.bucketCount - 1: 1]
        #expect(latency.percentile(share) == expected)
    }

    @Test func bucketsAreInOrderAndNeverEmpty() {
        var buckets: LatencyBuckets = [7: 1, 2: 3]
        buckets += [4: 5, 7: 2]
        #expect(buckets.map(\.key) == [2, 4, 7] && buckets.map(\.value) == [3, 5, 3])
        #expect(buckets.since([2: 3, 3: 9, 7: 1]) == [4: 5, 7: 2])
        #expect(LatencyBuckets(below: 8) { buckets[$0] } == buckets)
        buckets[4] = 0
        #expect(buckets == [2: 3, 7: 3] && buckets[4] == 0)
    }

    @Test func noTimedCallHasNoPercentile() {
        #expect(Latency().percentile(0.5) == nil)
    }
}

@Suite struct SyscallTests {
    @Test(arguments: [
        (UInt32(0), "read"), (17, "pread64"), (44, "sendto"), (231, "exit_group"), (334, "rseq"),
        (424, "pidfd_send_signal"),
        (435, "clone3"), (9999, "syscall_9999"), (0x8000_0004, "compat_4"),
    ])
    func namesAreTheKernelTables(number: UInt32, name: String) {
        #expect(SyscallNames.name(of: number) == name)
    }

    @Test func traitsFollowTheManPages() throws {
        let read = try #require(SyscallNames.number(of: "read"))
        #expect(SyscallTrait.of(read) == SyscallTrait(kind: .read, wait: .fdIn, loader: true))
        let getppid = try #require(SyscallNames.number(of: "getppid"))
        #expect(SyscallTrait.of(getppid) == SyscallTrait(kind: .none, wait: .cause(.other)))
        let wait = try #require(SyscallNames.number(of: "epoll_wait"))
        #expect(SyscallTrait.of(wait) == SyscallTrait(kind: .fdWait, wait: .cause(.multiplexer)))
    }

    @Test func bytesThatAreNotUTF8StayTellable() {
        #expect(decodeName([0x61, 0xFF, 0x62]) == "a\\xFFb")
        #expect(decodeName(Array("日本".utf8)) == "日本")
        #expect(decodeName([0xE6, 0x97]) == "\\xE6\\x97")
        #expect(decodeName([0x01] + Array("é".utf8) + [0xC3]) == "\u{1}é\\xC3")
    }
}
