import JSON
import Testing

@testable import Export
@testable import IOModel

/// The ledger as a person and as a program see it.
@Suite struct CopiesTests {
    static let mebibyte: UInt64 = 1 << 20

    static func server(_ build: (inout ProcessFigures) -> Void) -> ProcessFigures {
        var process = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 7, ppid: 1, comm: "server"))
        build(&process)
        return process
    }

    static func call(_ name: String) -> UInt32 { SyscallNames.number(of: name)! }

    /// A file read from the disk and written to a socket.
    static let copying = server { process in
        process.calls[call("read")] = CallFigures(count: 4, bytes: 4 * mebibyte)
        process.calls[call("write")] = CallFigures(count: 4, bytes: 4 * mebibyte)
        var file = FileFigures(
            identity: FileIdentity(fd: 3, type: .regular, path: "/f"), operations: 4, bytesIn: 4 * mebibyte)
        file.ledger.dmaIn = 4 * mebibyte
        process.files[1] = file
        process.files[2] = FileFigures(
            identity: FileIdentity(fd: 4, type: .tcp), operations: 4, bytesOut: 4 * mebibyte)
        process.ledger!.dmaIn = 4 * mebibyte
    }

    static let sending = server { process in
        let bytes = 4 * mebibyte
        process.calls[call("sendfile")] = CallFigures(count: 1, bytes: bytes)
        var file = FileFigures(
            identity: FileIdentity(fd: 3, type: .regular, path: "/f"), operations: 1, bytesIn: bytes)
        file.ledger.inNotCopied = bytes
        var socket = FileFigures(identity: FileIdentity(fd: 4, type: .tcp), operations: 1, bytesOut: bytes)
        socket.ledger.outNotCopied = bytes
        socket.ledger.avoided = bytes
        (process.files[1], process.files[2]) = (file, socket)
        process.pairs[.init(source: 1, sink: 2)] = PairFigures(
            source: file.identity, sink: socket.identity, operations: 1, bytes: bytes)
        process.ledger!.otherIn = bytes
        process.ledger!.otherOut = bytes
        process.ledger!.inNotCopied = bytes
        process.ledger!.outNotCopied = bytes
        process.ledger!.avoided = bytes
        process.ledger!.zeroCopyOperations = 1
    }

    static func text(_ process: ProcessFigures, width: Int = 100) -> String {
        String(
            decoding: CopySection(process: process, width: width).lines.flatMap {
                $0.encoded(width: width, color: false)
            },
            as: UTF8.self)
    }

    @Test func readingAndWritingIsOneChainThroughTheProcess() {
        #expect(
            Self.text(Self.copying).contains(
                "[disk]─DMA 4.00 MiB→[page cache]─copied 4.00 MiB→[process]─copied 4.00 MiB→[TCP socket]"))
        #expect(Self.text(Self.copying).contains("amplification 2.00"))
    }

    @Test func sendfileIsAChainPastTheProcess() {
        #expect(Self.text(Self.sending).contains("[page cache]─avoided 4.00 MiB→[TCP socket]"))
        #expect(Self.text(Self.sending).contains("amplification 0 "))
    }

    @Test func hiddenCopiesAreMarkedAndExplained() {
        var process = Self.sending
        let bytes = 4 * Self.mebibyte
        process.files[2]!.ledger.avoided = 0
        process.files[2]!.ledger.kernelToKernel = bytes
        process.ledger!.avoided = 0
        process.ledger!.kernelToKernel = bytes
        process.pairs[.init(source: 1, sink: 2)]!.kernelToKernel = bytes
        process.hidden[.init(file: 2, operation: Operation(code: Self.call("sendfile")), code: 1)] =
            HiddenFigures(operations: 1, bytes: bytes)
        let text = Self.text(process)
        #expect(text.contains("[page cache]─copied! 4.00 MiB→[TCP socket]"))
        #expect(text.contains("hidden copy: sendfile 4.00 MiB in 1 operation — the source gives no page references"))
    }

    @Test func bothDirectionsThatDoNotBelongTogetherAreTwoChains() {
        var process = Self.copying
        process.files[2]!.bytesOut = Self.mebibyte
        let text = Self.text(process)
        #expect(text.contains("[page cache]─copied 4.00 MiB→[process]\n"))
        #expect(text.contains("[process]─copied 1.00 MiB→[TCP socket]"))
    }

    @Test func directIOSkipsThePageCache() {
        let bytes = 4 * Self.mebibyte
        let process = Self.server { process in
            process.calls[Self.call("read")] = CallFigures(count: 4, bytes: bytes)
            var file = FileFigures(
                identity: FileIdentity(fd: 3, type: .regular, path: "/f"), operations: 4, bytesIn: bytes)
            file.ledger.inNotCopied = bytes
            file.ledger.avoidedObserved = bytes
            file.ledger.direct = bytes
            file.ledger.dmaIn = bytes
            process.files[1] = file
            process.ledger = file.ledger
        }
        #expect(Self.text(process).contains("[disk]─direct 4.00 MiB→[process]"))
        #expect(!Self.text(process).contains("page cache"))
    }

    @Test(arguments: [40, 60, 80, 120]) func noLineOfItIsTooWide(width: Int) {
        for process in [Self.copying, Self.sending] {
            for line in Self.text(process, width: width).split(separator: "\n") {
                #expect(DisplayWidth.of(String(line)) <= width, "\(line)")
            }
        }
    }

    @Test func withoutALedgerThereIsNoSection() {
        var process = Self.copying
        process.ledger = nil
        #expect(Self.text(process).isEmpty)
        let document = CopiesDocument(process: process, knowsMappings: true)
        #expect(document.copies == .null && document.copyPaths == .null)
    }

    @Test func mappedBytesAreNullWithoutTheirProbe() {
        #expect(CopiesDocument(process: Self.copying, knowsMappings: false).copies["mapped_bytes"] == .null)
        #expect(CopiesDocument(process: Self.copying, knowsMappings: true).copies["mapped_bytes"] == 0)
    }

    @Test func theRowsOfTheThreadsAddUpToTheProcess() throws {
        var process = Self.copying
        process.threadCopies[.init(started: 5, tid: 70)] = ThreadCopies(bytesIn: 3 * Self.mebibyte)
        let rows = try #require(CopiesDocument(process: process, knowsMappings: true).byThread.arrayValue)
        #expect(rows.count == 2 && rows[0]["tid"] == 70 && rows[1]["tid"] == .null)
        #expect(rows[0]["kernel_to_user_bytes"]?.unsignedValue == 3 * Self.mebibyte)
        #expect(rows[1]["kernel_to_user_bytes"]?.unsignedValue == Self.mebibyte)
    }

    // MARK: The lab

    static func result(_ name: String, contradict: Bool = false, losses: UInt64 = 0) -> TransferResult {
        let process = name == "sendfile" ? sending : copying
        var asked = process
        asked.calls[call("read"), default: CallFigures()] += CallFigures(count: 1, bytes: 1)
        asked.calls[call("write"), default: CallFigures()] += CallFigures(count: 1, bytes: 10)
        var measured = TransferMeasurement(process: asked, answer: 10, nanoseconds: 1_000_000, losses: losses)!
        measured.copies.dmaIn = 0
        if name != "sendfile" { measured.calls = 128 }
        let expected = TransferExpectation.of(name, bytes: 4 * mebibyte, in: .init(mayReflink: false))!
        return TransferResult(
            name: name, title: name, bytes: 4 * mebibyte,
            outcome: .judged(measured, contradict ? expected.contradicted : expected))
    }

    @Test func aTransferThatCostsWhatItShouldHasNoDifferences() {
        #expect(Self.result("read-write").differences == [])
        #expect(Self.result("sendfile").differences == [])
    }

    @Test(arguments: ["read-write", "sendfile"]) func aContradictedExpectationDiffers(name: String) {
        #expect(!Self.result(name, contradict: true).differences.isEmpty)
    }

    @Test func everyRowsContraryClaimsOtherCopies() {
        let names = [
            "read-write", "mmap-write", "sendfile", "sendfile-zero", "splice", "vmsplice", "tee", "msg-zerocopy",
            "msg-zerocopy-unset", "uring-send-zc", "recv-trunc", "process-vm-readv", "copy-file-range", "direct-file",
            "direct-tmpfs",
        ]
        for name in names {
            let expected = TransferExpectation.of(name, bytes: Self.mebibyte, in: .init(mayReflink: false))
            #expect(expected != nil, "\(name)")
            if let expected { #expect((expected.copied > 0) != (expected.contradicted.copied > 0), "\(name)") }
        }
    }

    @Test func aLossMakesARowDiffer() {
        #expect(Self.result("sendfile", losses: 1).differences == ["1 losses while tracing"])
    }

    @Test func whereExtentsMayBeSharedNothingIsExpectedOfCopyFileRange() {
        #expect(TransferExpectation.of("copy-file-range", bytes: 1, in: .init(mayReflink: true)) == nil)
        #expect(TransferExpectation.of("no such row", bytes: 1, in: .init(mayReflink: false)) == nil)
    }

    @Test func theTableMarksWhatDiffersAndSaysWhy() {
        let results = [
            Self.result("read-write"), Self.result("sendfile", contradict: true),
            TransferResult(name: "veth", title: "veth", bytes: 0, outcome: .notRun("needs iproute2")),
        ]
        let text = String(
            decoding: LabTable(results, tool: Tool(kernel: "6.18"), width: 100, color: false).rendered(), as: UTF8.self)
        #expect(text.contains("✓ read-write") && text.contains("✗ sendfile") && text.contains("– veth"))
        #expect(text.contains("sendfile: kernel to kernel: 0 bytes, expected 4194304"))
        #expect(text.contains("veth: not run: needs iproute2"))
        #expect(text.contains("1 as expected · 1 different · 1 not run or not judged"))
        for line in text.split(separator: "\n") { #expect(DisplayWidth.of(String(line)) <= 100) }
    }
}
