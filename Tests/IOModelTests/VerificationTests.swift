import Testing

@testable import IOModel

#if canImport(Glibc)
    import Glibc
#endif

/// Literals in, verdicts out: each kind of claim just inside its limit and just outside, and everything that must not pass.
@Suite struct VerificationTests {
    static let read = SyscallNames.number(of: "read")!
    static let write = SyscallNames.number(of: "write")!
    static let sendfile = SyscallNames.number(of: "sendfile")!
    static let million: UInt64 = 1_000_000

    static func report(_ processes: [ProcessFigures], losses: Losses = Losses(), missing: [String] = []) -> Report {
        Report(
            tool: Tool(kernel: "6", probes: missing.map { .init(name: $0, attached: false, reason: "refused") }),
            window: Window(startedUnixNanoseconds: 0), losses: losses, processes: processes)
    }

    static func verdict(_ kind: ClaimKind, _ report: Report, scope: Scope = Scope(), doubts: [Doubt] = [])
        -> ClaimVerdict
    {
        var verification = Verification([Claim(kind, scope: scope)])
        verification.add(report, doubts: doubts)
        return verification.verdict().claims[0]
    }

    static func outcome(_ kind: ClaimKind, _ process: ProcessFigures, scope: Scope = Scope()) -> Outcome {
        verdict(kind, report([process]), scope: scope).outcome
    }

    static func file(_ fd: Int32, _ type: FileType, path: String? = nil, _ build: (inout FileFigures) -> Void)
        -> FileFigures
    {
        var file = FileFigures(identity: FileIdentity(fd: fd, type: type, path: path))
        build(&file)
        return file
    }

    /// Sends `sent` bytes by sendfile, and writes `written` more to the socket in `writes` calls after reading them.
    static func server(
        sent: UInt64 = million, written: UInt64 = 0, writes: UInt64 = 1, read: UInt64 = 0, unknown: UInt64 = 0
    ) -> ProcessFigures {
        var process = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 10, ppid: 1, comm: "server"))
        process.ledger = LedgerFigures()
        let moved = sent &+ unknown
        let (source, sink) = (FileIdentity(fd: 4, type: .regular, path: "/srv/f"), FileIdentity(fd: 5, type: .tcp))
        process.files[1] = file(4, .regular, path: "/srv/f") {
            $0.operations = 1
            $0.bytesIn = moved &+ read
            $0.ledger.inNotCopied = moved
            $0.models[ModelSlot.blocking.rawValue] = ModelFigures(operations: 1, bytes: moved &+ read)
        }
        process.files[2] = file(5, .tcp) {
            $0.operations = 1 &+ writes
            $0.bytesOut = moved &+ written
            $0.ledger.outNotCopied = moved
            $0.ledger.avoided = sent
            $0.ledger.unknown = unknown
            $0.ledger.zeroCopyOperations = 1
            $0.models[ModelSlot.epoll.rawValue] = ModelFigures(operations: 1 &+ writes, bytes: moved &+ written)
        }
        process.pairs[.init(source: 1, sink: 2)] = PairFigures(
            source: source, sink: sink, operations: 1, bytes: moved, unknown: unknown)
        process.calls[sendfile] = CallFigures(count: 1, bytes: moved)
        process.calls[SyscallNames.number(of: "epoll_wait")!] = CallFigures(count: 1)
        if written > 0 { process.calls[write] = CallFigures(count: writes, bytes: written) }
        if read > 0 { process.calls[Self.read] = CallFigures(count: 1, bytes: read) }
        process.ledger!.otherIn = moved
        process.ledger!.otherOut = moved
        process.ledger!.inNotCopied = moved
        process.ledger!.outNotCopied = moved
        process.ledger!.avoided = sent
        process.ledger!.unknown = unknown
        process.ledger!.zeroCopyOperations = 1
        return process
    }

    // MARK: - Zero-copy

    @Test func aHundredthMayBeCopiedAndNoByteMore() {
        #expect(Self.outcome(.zeroCopy(allowCopiedBelow: 0), Self.server(sent: 990_000, written: 10_000)) == .pass)
        #expect(Self.outcome(.zeroCopy(allowCopiedBelow: 0), Self.server(sent: 989_999, written: 10_001)) == .fail)
    }

    @Test func headersAreAllowedBelowTheirSize() {
        let kind = ClaimKind.zeroCopy(allowCopiedBelow: 4096)
        #expect(Self.outcome(kind, Self.server(sent: 100_000, written: 4095)) == .pass)
        #expect(Self.outcome(kind, Self.server(sent: 100_000, written: 4096)) == .fail)
        // By their mean, as long as they are few.
        #expect(Self.outcome(kind, Self.server(sent: 1_000_000, written: 50_000, writes: 200)) == .pass)
        #expect(Self.outcome(kind, Self.server(sent: 1_000_000, written: 200_000, writes: 800)) == .inconclusive)
    }

    @Test func onlyHeadersAreNothing() {
        let verdict = Self.verdict(.zeroCopy(allowCopiedBelow: 4096), Self.report([Self.server(sent: 0, written: 300)]))
        #expect(verdict.outcome == .inconclusive && verdict.worst.judgment.doubts.last?.code == "no_payload")
    }

    @Test func whatWasReadAndNotSentIsNoPartOfTheClaim() {
        #expect(Self.outcome(.zeroCopy(allowCopiedBelow: 0), Self.server(read: 50_000_000)) == .pass)
    }

    @Test func whatWasReadToBeSentIs() throws {
        let verdict = Self.verdict(
            .zeroCopy(allowCopiedBelow: 0),
            Self.report([Self.server(sent: 0, written: Self.million, read: Self.million)]))
        #expect(verdict.outcome == .fail && verdict.worst.judgment.measured == 2)
        let parts = verdict.worst.judgment.contributors
        #expect(parts.map(\.operation) == ["read", "write"] && parts.map(\.fd) == [4, 5])
        #expect(verdict.worst.judgment.remedy?.contains("sendfile") == true)
    }

    @Test func theProgramsOwnFilesAreLeftOut() {
        var process = Self.server()
        process.files[9] = Self.file(3, .regular, path: "/usr/lib/python3/x.pyc") { $0.bytesIn = 10 * Self.million }
        process.calls[Self.read] = CallFigures(count: 5, bytes: 10 * Self.million)
        #expect(Self.outcome(.maxAmplification(0), process) == .pass)
        #expect(Self.outcome(.maxCopied(0), process) == .pass)
    }

    @Test func unknownBytesDecideNothingButMayMatter() {
        let kind = ClaimKind.zeroCopy(allowCopiedBelow: 0)
        #expect(Self.outcome(kind, Self.server(sent: 995_000, unknown: 5_000)) == .pass)
        #expect(Self.outcome(kind, Self.server(sent: 900_000, unknown: 100_000)) == .inconclusive)
        #expect(Self.outcome(kind, Self.server(sent: 800_000, written: 100_000, unknown: 100_000)) == .fail)
        #expect(Self.outcome(.maxAmplification(0.5), Self.server(sent: 900_000, unknown: 100_000)) == .pass)
        #expect(Self.outcome(.maxAmplification(0.05), Self.server(sent: 900_000, unknown: 100_000)) == .inconclusive)
        #expect(Self.outcome(.maxCopied(99_999), Self.server(sent: 900_000, unknown: 100_000)) == .inconclusive)
        #expect(Self.outcome(.maxCopied(100_000), Self.server(sent: 900_000, unknown: 100_000)) == .pass)
        #expect(Self.outcome(.noHiddenCopies, Self.server(sent: 900_000, unknown: 100_000)) == .inconclusive)
    }

    @Test func aHiddenCopyBreaksTheClaimHoweverSmall() {
        var process = Self.server()
        process.hidden[
            .init(file: 2, operation: Operation(code: Self.sendfile), code: HiddenCopy.spliceSourceCopies.rawValue)] =
            HiddenFigures(operations: 1, bytes: 1)
        for kind in [ClaimKind.zeroCopy(allowCopiedBelow: 0), .noHiddenCopies] {
            let verdict = Self.verdict(kind, Self.report([process]))
            #expect(verdict.outcome == .fail)
            #expect(verdict.worst.judgment.contributors.first?.operation == "sendfile")
            #expect(verdict.worst.judgment.remedy == HiddenCopy.spliceSourceCopies.advice)
        }
        #expect(Self.outcome(.noHiddenCopies, Self.server()) == .pass)
    }

    // MARK: - The CPU's samples

    @Test func samplesInsideTheCallsContradict() {
        var process = Self.server()
        process.samples[Self.sendfile] = SampleFigures(samples: 100, copying: 60)
        let verdict = Self.verdict(.zeroCopy(allowCopiedBelow: 0), Self.report([process]))
        #expect(verdict.outcome == .inconclusive && verdict.worst.judgment.doubts.map(\.code) == ["copy_cpu_share"])
    }

    @Test func fewSamplesAndSamplesElsewhereDoNot() {
        var process = Self.server()
        process.samples[Self.sendfile] = SampleFigures(samples: 10, copying: 10)
        process.samples[Self.read] = SampleFigures(samples: 1000, copying: 900)
        process.samples[SampleFigures.noCall] = SampleFigures(samples: 1000, copying: 900)
        #expect(Self.outcome(.zeroCopy(allowCopiedBelow: 0), process) == .pass)
    }

    // MARK: - Limits

    @Test func copiedBytesAndAmplificationHaveALimit() {
        let process = Self.server(sent: 0, written: 1000)
        #expect(Self.outcome(.maxCopied(1000), process) == .pass)
        #expect(Self.outcome(.maxCopied(999), process) == .fail)
        #expect(Self.outcome(.maxAmplification(1), process) == .pass)
        #expect(Self.outcome(.maxAmplification(0.999), process) == .fail)
    }

    @Test func modelsAreMeasuredByOperations() {
        let process = Self.server(written: 9, writes: 8)  // 9 operations in epoll and its wait, 1 blocking
        #expect(Self.outcome(.model(.multiplexed, atLeast: 0.9), process) == .pass)
        #expect(Self.outcome(.model(.multiplexed, atLeast: 0.92), process) == .fail)
        #expect(Self.outcome(.model(.async, atLeast: nil), process) == .fail)
        #expect(Self.outcome(.noModel(.async), process) == .pass)
        #expect(Self.outcome(.noModel(.blocking), process) == .fail)
        #expect(Self.outcome(.noModel(.blocking), process, scope: Scope(fileTypes: [.tcp])) == .pass)
        #expect(Self.outcome(.model(.zeroCopy, atLeast: 0.99), process) == .pass)
        #expect(Self.outcome(.noModel(.zeroCopy), process) == .fail)
    }

    @Test func blockedTimeIsMeasuredByItsCause() {
        var process = Self.server()
        process.totals[.disk] = 1000
        process.totals[.sleep] = 500
        process.totals.blocked = 1500
        #expect(Self.outcome(.maxBlocked(.disk, 1000), process) == .pass)
        #expect(Self.outcome(.maxBlocked(.disk, 999), process) == .fail)
        #expect(Self.outcome(.maxBlocked(nil, 1500), process) == .pass)
        #expect(Self.outcome(.maxBlocked(nil, 1499), process) == .fail)
    }

    @Test func switchesAndCallsAreRatios() {
        let process = Self.server(sent: 1 << 20)  // two calls; three operations on its fds and a wait
        #expect(Self.outcome(.maxSwitchesPerOperation(1), process) == .pass)
        #expect(Self.outcome(.maxSwitchesPerOperation(0.99), process) == .fail)
        #expect(Self.outcome(.maxSyscallsPerMebibyte(2), process) == .pass)
        #expect(Self.outcome(.maxSyscallsPerMebibyte(1.99), process) == .fail)
    }

    @Test func payloadIsOfAllProcessesTogether() {
        var other = Self.server()
        other.identity.id = 2
        let report = Self.report([Self.server(), other])
        #expect(Self.verdict(.minPayload(2_000_000), report).outcome == .pass)
        #expect(Self.verdict(.minPayload(2_000_001), report).outcome == .fail)
    }

    @Test func aFindingBreaksItsClaim() {
        var process = Self.server()
        let accept = SyscallNames.number(of: "accept")!
        process.calls[accept] = CallFigures(count: 100, errors: 51)
        #expect(Self.outcome(.noFinding("accept_finds_nothing"), process) == .fail)
        process.calls[accept] = CallFigures(count: 100, errors: 50)
        #expect(Self.outcome(.noFinding("accept_finds_nothing"), process) == .pass)
    }

    @Test func everyFindingHasAKnownCode() throws {
        let path = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        var codes: Set<String> = []
        for name in try sources(in: "/\(path)/Sources/IOModel/Findings") {
            let text = try contents(of: name)
            guard text.contains("Finding(") else { continue }
            for piece in text.components(separatedBy: "Finding(").dropFirst() {
                guard let start = piece.firstRange(of: "code: \"") else { continue }
                codes.insert(String(piece[start.upperBound...].prefix { $0 != "\"" }))
            }
        }
        #expect(codes.count > 5)
        #expect(codes.isSubset(of: Finding.codes), "\(codes.subtracting(Finding.codes)) are missing in Finding.codes")
    }

    // MARK: - What must not pass

    static let allKinds: [ClaimKind] = [
        .zeroCopy(allowCopiedBelow: 0), .maxAmplification(10), .maxCopied(.max), .model(.multiplexed, atLeast: nil),
        .noModel(.async), .maxBlocked(.disk, .max), .maxSwitchesPerOperation(1e9), .maxSyscallsPerMebibyte(1e9),
        .noHiddenCopies, .noFinding("hidden_copy"), .minPayload(1),
    ]

    @Test(arguments: allKinds) func aClaimThatHoldsPasses(kind: ClaimKind) {
        #expect(Self.outcome(kind, Self.server()) == .pass)
    }

    @Test(arguments: allKinds) func lossesAreNeverAPass(kind: ClaimKind) {
        var losses = Losses()
        losses.fileMapFull = 1
        let verdict = Self.verdict(kind, Self.report([Self.server()], losses: losses))
        #expect(verdict.outcome == .inconclusive && verdict.worst.judgment.doubts.contains { $0.code == "losses" })
    }

    @Test(arguments: allKinds) func nothingMovedIsNeverAPass(kind: ClaimKind) {
        let idle = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 1, ppid: 0, comm: "idle"))
        #expect(Self.verdict(kind, Self.report([idle])).outcome == .inconclusive)
        #expect(Self.verdict(kind, Self.report([])).outcome == .inconclusive)
        #expect(Self.outcome(kind, Self.server(), scope: Scope(processes: [Pattern("other")])) == .inconclusive)
    }

    @Test(arguments: allKinds) func aFailedCommandIsNeverAPass(kind: ClaimKind) {
        let doubt = Doubt(code: "command_failed", message: "")
        #expect(Self.verdict(kind, Self.report([Self.server()]), doubts: [doubt]).outcome == .inconclusive)
    }

    @Test func withoutALedgerNothingIsSaidOfCopies() {
        var process = Self.server()
        process.ledger = nil
        for kind in [ClaimKind.zeroCopy(allowCopiedBelow: 0), .maxAmplification(9), .maxCopied(.max), .noHiddenCopies] {
            #expect(Self.outcome(kind, process) == .inconclusive)
        }
    }

    @Test func aMissingProbeCountsWhereItIsNeeded() {
        func outcome(_ kind: ClaimKind, _ probe: String) -> Outcome {
            Self.verdict(kind, Self.report([Self.server()], missing: [probe])).outcome
        }
        #expect(outcome(.zeroCopy(allowCopiedBelow: 0), "find_symbols") == .inconclusive)
        #expect(outcome(.maxBlocked(.disk, 1), "find_symbols") == .pass)
        #expect(outcome(.maxBlocked(.disk, 1), "switch_threads") == .inconclusive)
        #expect(outcome(.zeroCopy(allowCopiedBelow: 0), "switch_threads") == .pass)
        #expect(outcome(.maxSwitchesPerOperation(9), "count_fault") == .inconclusive)
    }

    @Test func theWorstProcessAndTheWorstRunDecide() {
        var bad = Self.server(sent: 0, written: Self.million)
        bad.identity.id = 2
        bad.identity.pid = 20
        var verification = Verification([Claim(.maxAmplification(0.5))])
        verification.add(Self.report([Self.server()]))
        verification.add(Self.report([Self.server(), bad]))
        verification.add(Self.report([Self.server()]))
        let verdict = verification.verdict().claims[0]
        #expect(verdict.outcome == .fail && verdict.worst.run == 2 && verdict.worst.pid == 20 && verdict.judged == 4)
    }

    @Test func aProcessThatRenamesItselfStaysInScope() {
        var process = Self.server(sent: 0, written: Self.million)
        process.identity.comm = "innocent"
        process.identity.command = ["/usr/bin/server", "-x"]
        #expect(
            Self.outcome(.maxAmplification(0.5), process, scope: Scope(processes: [Pattern("server")])) == .fail)
    }

    @Test func fdsInScopeAreJudgedByThemselves() {
        let process = Self.server(written: 500_000)
        #expect(Self.outcome(.maxCopied(0), process, scope: Scope(paths: [Pattern("/srv/*")])) == .pass)
        #expect(Self.outcome(.maxCopied(0), process, scope: Scope(fileTypes: [.tcp])) == .fail)
        #expect(Self.outcome(.maxCopied(0), process, scope: Scope(fileTypes: [.udp])) == .inconclusive)
    }
}

private func sources(in directory: String) throws -> [String] {
    var names: [String] = []
    let stream = try #require(opendir(directory))
    defer { closedir(stream) }
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name.hasSuffix(".swift") { names.append("\(directory)/\(name)") }
    }
    return names
}

private func contents(of path: String) throws -> String {
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [Substring] {
        var (parts, rest): ([Substring], Substring) = ([], self[...])
        while let range = rest.firstRange(of: separator) {
            parts.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return parts + [rest]
    }
}
