import Testing

@testable import IOModel

/// Literals in, verdicts out: what each kind of operation leaves in the counters, and what is concluded from it.
@Suite struct CopyLedgerTests {
    static let read = SyscallNames.number(of: "read")!
    static let write = SyscallNames.number(of: "write")!
    static let sendto = SyscallNames.number(of: "sendto")!
    static let sendfile = SyscallNames.number(of: "sendfile")!
    static let processVMRead = SyscallNames.number(of: "process_vm_readv")!
    static let million: UInt64 = 1_000_000

    static func process(_ build: (inout ProcessFigures) -> Void) -> ProcessFigures {
        var process = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 1, ppid: 0, comm: "x"))
        build(&process)
        return process
    }

    static func ledger(_ build: (inout LedgerFigures) -> Void) -> LedgerFigures {
        var ledger = LedgerFigures()
        build(&ledger)
        return ledger
    }

    @Test func readingAndWritingCopiesTwice() throws {
        let process = Self.process {
            $0.calls[Self.read] = CallFigures(count: 10, bytes: Self.million)
            $0.calls[Self.write] = CallFigures(count: 12, errors: 2, bytes: Self.million)
        }
        let copies = try #require(Copies(of: process))
        #expect(copies.kernelToUser == Self.million && copies.userToKernel == Self.million)
        #expect(copies.amplification == 2)
        #expect(copies.derived == 2 * Self.million && copies.observed == 0 && copies.unresolved == 0)
        let paths = CopyPathFigures.paths(of: process)
        #expect(paths == [.init(path: .copied, operations: 20, bytes: 2 * Self.million, share: 1)])
    }

    @Test func readingAloneCopiesOnce() {
        let process = Self.process { $0.calls[Self.read] = CallFigures(count: 1, bytes: 10) }
        #expect(Copies(of: process)?.amplification == 1)
    }

    @Test func withoutPayloadThereIsNoAmplification() throws {
        let copies = try #require(
            Copies(of: Self.process { $0.calls[Self.sendfile] = CallFigures(count: 1, errors: 1) }))
        #expect(copies.amplification == nil && copies.payload == 0)
    }

    @Test func sendfileIsPayloadBothWaysAndAvoidsItOnce() throws {
        let process = Self.process {
            $0.calls[Self.sendfile] = CallFigures(count: 4, bytes: Self.million)
            $0.ledger = Self.ledger {
                $0.otherIn = Self.million
                $0.otherOut = Self.million
                $0.inNotCopied = Self.million
                $0.outNotCopied = Self.million
                $0.avoided = Self.million
                $0.zeroCopyOperations = 4
            }
        }
        let copies = try #require(Copies(of: process))
        #expect(copies.payloadIn == Self.million && copies.payloadOut == Self.million)
        #expect(copies.avoided == Self.million && copies.copied == 0 && copies.amplification == 0)
        #expect(
            CopyPathFigures.paths(of: process) == [
                .init(path: .zeroCopy, operations: 4, bytes: Self.million, share: 1)
            ])
    }

    @Test func directReadsAreAvoidedAndObserved() throws {
        let process = Self.process {
            $0.calls[Self.read] = CallFigures(count: 3, bytes: 100)
            $0.ledger = Self.ledger {
                $0.inNotCopied = 90
                $0.avoidedObserved = 90
                $0.direct = 90
                $0.callsElsewhere = 2
                $0.directOperations = 2
            }
        }
        let copies = try #require(Copies(of: process))
        #expect(copies.kernelToUser == 10 && copies.avoided == 90 && copies.observed == 90 && copies.derived == 10)
        let paths = CopyPathFigures.paths(of: process)
        #expect(paths.map(\.path) == [.copied, .direct])
        #expect(paths.map(\.operations) == [1, 2])
        #expect(paths.map(\.bytes) == [10, 90])
    }

    @Test func peekedBytesAreCopiedButNoPayload() throws {
        let recvfrom = SyscallNames.number(of: "recvfrom")!
        let process = Self.process {
            $0.calls[recvfrom] = CallFigures(count: 2, bytes: 20)
            $0.ledger = Self.ledger { $0.inNotPayload = 10 }
        }
        let copies = try #require(Copies(of: process))
        #expect(copies.payloadIn == 10 && copies.kernelToUser == 20 && copies.amplification == 2)
    }

    @Test func readingAnotherProcessIsACopyFromUserToUser() throws {
        let copies = try #require(
            Copies(of: Self.process { $0.calls[Self.processVMRead] = CallFigures(count: 1, bytes: 7) }))
        #expect(
            copies.userToUser == 7 && copies.payloadIn == 7 && copies.kernelToUser == 0 && copies.amplification == 1)
    }

    // MARK: Zero-copy sends

    /// A process with one socket on which so much was accepted for sending without a copy.
    static func sender(
        sent: UInt64, avoided: UInt64 = 0, copied: UInt64 = 0, loopback: UInt64 = 0, device: UInt64 = 0
    ) -> ProcessFigures {
        let ledger = ledger {
            $0.outNotCopied = sent
            $0.zeroCopySent = sent
            $0.zeroCopySends = 10
        }
        var socket = ledger
        socket.zeroCopyAvoided = avoided
        socket.zeroCopyCopied = copied
        socket.zeroCopySendsAvoided = avoided > 0 ? 10 : 0
        socket.zeroCopySendsCopied = copied > 0 ? 10 : 0
        socket.zeroCopyToCopy = loopback
        socket.zeroCopyDevice = device
        var identity = FileIdentity(fd: 4, type: .tcp)
        identity.zeroCopyOperation = sendto
        identity.zeroCopyReason = loopback > 0 ? .loopback : .untold
        return process {
            $0.calls[sendto] = CallFigures(count: 10, bytes: sent)
            $0.ledger = ledger
            $0.ledger!.callsElsewhere = 10
            $0.files[9] = FileFigures(identity: identity, operations: 10, bytesOut: sent, ledger: socket)
        }
    }

    @Test func withoutACompletionASendIsUnresolved() throws {
        let process = Self.sender(sent: 100)
        let copies = try #require(Copies(of: process))
        #expect(copies.unresolved == 100 && copies.avoided == 0 && copies.copied == 0)
        #expect(copies.observed == 0 && copies.derived == 0)
        #expect(CopyPathFigures.paths(of: process).isEmpty)
    }

    @Test func aCompletionDecides() throws {
        let avoided = try #require(Copies(of: Self.sender(sent: 100, avoided: 100)))
        #expect(avoided.avoided == 100 && avoided.observed == 100 && avoided.unresolved == 0)
        let process = Self.sender(sent: 100, copied: 100)
        let copied = try #require(Copies(of: process))
        #expect(copied.kernelToKernel == 100 && copied.observed == 100 && copied.amplification == 1)
        #expect(process.hiddenCopies().map(\.code) == ["zerocopy_copied"])
        #expect(process.hiddenCopies().map(\.operation) == ["sendto"])
        #expect(
            CopyPathFigures.paths(of: process) == [
                .init(path: .kernelCopied, operations: 10, bytes: 100, share: 1)
            ])
    }

    @Test func theDeviceTellsOfSendsWhoseCompletionWasNotRead() throws {
        let loopback = Self.sender(sent: 100, loopback: 100)
        #expect(Copies(of: loopback)?.kernelToKernel == 100)
        #expect(Copies(of: loopback)?.derived == 100)
        #expect(loopback.hiddenCopies().map(\.code) == ["zerocopy_loopback"])
        #expect(loopback.hiddenCopies().map(\.operations) == [10])
        let device = try #require(Copies(of: Self.sender(sent: 100, device: 60)))
        #expect(device.avoided == 60 && device.unresolved == 40 && device.derived == 60)
    }

    @Test func aRetransmissionIsNotSentTwice() throws {
        let copies = try #require(Copies(of: Self.sender(sent: 100, device: 250)))
        #expect(copies.avoided == 100 && copies.unresolved == 0)
    }

    @Test func bytesThatWereConfirmedAreNotConfirmedAgainByTheDevice() throws {
        let copies = try #require(Copies(of: Self.sender(sent: 100, copied: 40, loopback: 100)))
        #expect(copies.kernelToKernel == 100 && copies.observed == 40 && copies.derived == 60)
    }

    // MARK: Hidden copies

    @Test func hiddenCopiesAreAddedUpByOperationAndReason() {
        let process = Self.process {
            for file: UInt64 in 1...3 {
                $0.hidden[
                    .init(file: file, operation: .init(code: Self.sendfile), code: HiddenCopy.spliceIntoFile.rawValue)] =
                    HiddenFigures(operations: 1, bytes: 10 * file)
            }
            $0.hidden[.init(file: 1, operation: .init(code: Self.sendto), code: CopyHint.zeroCopySmall.rawValue)] =
                HiddenFigures(operations: 5, bytes: 50)
            $0.hidden[.init(file: 1, operation: .init(code: Self.sendto), code: 9999)] = HiddenFigures(
                operations: 1, bytes: 1)
        }
        #expect(process.hiddenCopies().map(\.bytes) == [60])
        #expect(process.hiddenCopies(ofFile: 3).map(\.bytes) == [30])
        #expect(process.copyHints().map(\.operations) == [5])
    }

    @Test func everyReasonSaysWhyAndWhatToDo() {
        let keys = HiddenCopy.allCases.map(\.key)
        #expect(Set(keys).count == keys.count)
        for reason in HiddenCopy.allCases { #expect(!reason.reason.isEmpty && !reason.advice.isEmpty) }
    }

    @Test func operationsAreNamedAsTheFieldNamesThem() {
        #expect(Operation(code: Self.sendfile).name == "sendfile")
        #expect(Operation(code: Operation.uringFlag | 47).name == "io_uring SEND_ZC")
        #expect(Operation(code: Operation.uringFlag | 4).name == "io_uring READ_FIXED")
        #expect(Operation(code: Operation.uringFlag | 200).name == "io_uring OP_200")
        #expect(Operation(code: Operation.aioFlag | 1).name == "aio PWRITE")
        #expect(Operation(code: Operation.faultFlag).name == "page fault")
    }

    // MARK: Fds and threads

    @Test func devicesThatMoveNothingCopyNothing() {
        var zero = FileIdentity(fd: 3, type: .char, path: "/dev/zero")
        zero.device = .zero
        var null = FileIdentity(fd: 4, type: .char, path: "/dev/null")
        null.device = .null
        let reading = Copies(of: FileFigures(identity: zero, operations: 1, bytesIn: 10, bytesOut: 5))
        #expect(reading.payloadIn == 10 && reading.copied == 0)
        let writing = Copies(of: FileFigures(identity: null, operations: 1, bytesOut: 10))
        #expect(writing.payloadOut == 10 && writing.copied == 0)
    }

    @Test func aRowForManyKeepsWhatItsDevicesWere() {
        var process = Self.process { process in
            for id: UInt64 in 1...20 {
                var identity = FileIdentity(fd: Int32(id), type: .char)
                identity.device = .zero
                process.files[id] = FileFigures(identity: identity, operations: 1, bytesIn: id)
            }
        }
        _ = process.foldFiles(beyond: 5)
        #expect(process.files.values.reduce(0) { $0 + Copies(of: $1).kernelToUser } == 0)
        #expect(process.files.values.reduce(0) { $0 + Copies(of: $1).payloadIn } == 210)
    }

    @Test func aThreadsSendsAreLeftToTheSocketThatKnows() {
        let thread = ThreadCopies(
            bytesOut: 50,
            ledger: Self.ledger {
                $0.outNotCopied = 40
                $0.zeroCopySent = 40
            })
        let copies = Copies(of: thread)
        #expect(copies.userToKernel == 10 && copies.unresolved == 0 && copies.payloadOut == 50)
        var whole = Copies()
        whole.userToKernel = 15
        whole.kernelToKernel = 40
        let rest = whole.without([copies])
        #expect(rest.userToKernel == 5 && rest.kernelToKernel == 40 && rest.payloadOut == 0)
    }

    @Test func figuresThatDoNotFitTogetherNeverWrapAround() throws {
        let process = Self.process {
            $0.calls[Self.read] = CallFigures(count: 1, errors: 9, bytes: 5)
            $0.ledger = LedgerFigures(counters: [UInt64](repeating: .max, count: LedgerFigures.fields.count))
            $0.files[1] = FileFigures(
                identity: FileIdentity(fd: 1, type: .tcp),
                ledger: LedgerFigures(counters: [UInt64](repeating: .max / 2, count: LedgerFigures.fields.count)))
        }
        let copies = try #require(Copies(of: process))
        #expect(copies.kernelToUser <= 5)
        _ = CopyPathFigures.paths(of: process)
        _ = process.hiddenCopies()
    }

    @Test func aRecordingWithoutALedgerHasNoCopies() {
        var process = Self.process { $0.calls[Self.read] = CallFigures(count: 1, bytes: 5) }
        process.ledger = nil
        #expect(Copies(of: process) == nil && process.dmaOutDeferred == nil)
        #expect(CopyPathFigures.paths(of: process).isEmpty)
    }

    @Test func whatWasDirtiedAndNotSubmittedIsDeferred() {
        let process = Self.process {
            $0.ledger = Self.ledger {
                $0.dirtied = 100
                $0.dmaOut = 30
            }
        }
        #expect(process.dmaOutDeferred == 70)
    }

    @Test func endedThreadsAndClosedPairsAreAddedUpBeyondTheLimit() {
        var process = Self.process { process in
            for id: UInt64 in 1...10 {
                process.threadCopies[.init(started: id, tid: UInt32(id))] = ThreadCopies(bytesIn: id)
                process.pairs[.init(source: id, sink: 100)] = PairFigures(operations: 1, bytes: id)
            }
        }
        process.foldCopies(
            ofThreads: Set((1...4).map { .init(started: $0, tid: UInt32($0)) }), files: [1, 2, 3], limit: 9)
        #expect(process.threadCopies[.others]?.bytesIn == 1 && process.threadCopies.count == 10)
        #expect(process.pairs[.others]?.bytes == 6 && process.pairs.count == 8)
    }

    // MARK: Samples

    @Test func theIntervalIsWilsons() throws {
        // Reference values: Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
        let share = try #require(SampledShare(hits: 81, samples: 263))
        #expect(abs(share.low - 0.2553) < 0.0001 && abs(share.high - 0.3662) < 0.0001)
        let none = try #require(SampledShare(hits: 0, samples: 20))
        #expect(none.low == 0 && abs(none.high - 0.1611) < 0.0001)
        let all = try #require(SampledShare(hits: 29, samples: 29))
        #expect(abs(all.low - 0.8830) < 0.0001 && all.high == 1)
        #expect(SampledShare(hits: 0, samples: 0) == nil && SampledShare(hits: 2, samples: 1) == nil)
    }
}
