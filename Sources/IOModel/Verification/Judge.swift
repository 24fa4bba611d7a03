/// Judges one claim for one process. nil: the process did nothing that the claim speaks of.
struct Judge {
    let claim: Claim
    let subject: Subject
    /// Doubts that concern every figure of the run.
    let doubts: [Doubt]

    private var process: ProcessFigures { subject.process }
    private var scope: Scope { claim.scope }

    func judgment() -> Judgment? {
        switch claim.kind {
        case .zeroCopy(let allowance):
            return ZeroCopyClaim(allowance: allowance, subject: subject, scope: scope).judgment(doubts)
        case .maxAmplification: return amplification()
        case .maxCopied: return copied()
        case .noHiddenCopies: return hiddenCopies()
        case .model(let model, let share): return models(model, share)
        case .noModel(let model): return models(model, nil)
        case .maxBlocked(let cause, _): return blocked(cause)
        case .maxSwitchesPerOperation: return switches()
        case .maxSyscallsPerMebibyte: return syscalls()
        case .noFinding(let code): return finding(code)
        case .minPayload, .noRegression: return nil  // of all processes together
        }
    }

    // MARK: - Copies

    private func copies(_ judge: (ClaimedCopies, [Doubt]) -> Judgment) -> Judgment? {
        let doubts = doubts + Doubts.ledger(subject)
        guard let copies = subject.copies(scope) else {
            return Judgment(outcome: .inconclusive, evidence: "there is no copy ledger", doubts: doubts)
        }
        guard copies.sum.payload > 0 else { return nil }
        return judge(copies, doubts + Doubts.folded(copies, scope))
    }

    private func amplification() -> Judgment? {
        copies { copies, doubts in
            let sum = copies.sum
            let payload = Double(sum.payload)
            let measured = Double(sum.copied) / payload
            let worst = Double(sum.copied &+ sum.unresolved) / payload
            var doubts =
                doubts
                + Doubts.unknown(
                    sum.unresolved, of: sum.payload, wouldMatter: worst > claim.kind.limit)
            if measured < 0.5, let contradiction = CopySamples(process).contradiction { doubts.append(contradiction) }
            let evidence = "\(Words.bytes(sum.copied)) copied of \(Words.bytes(sum.payload)) through \(through(copies))"
            // Of lost events it is not known which side of the division they belong to.
            if doubts.contains(where: { $0.code == "losses" || $0.code == "probe_missing" }) {
                return Judgment(
                    outcome: .inconclusive, measured: measured, evidence: evidence, doubts: doubts,
                    contributors: copies.contributors)
            }
            return .of(
                claim.kind, measured: measured, evidence: evidence, doubts: doubts, contributors: copies.contributors,
                remedy: copies.advice)
        }
    }

    private func copied() -> Judgment? {
        copies { copies, doubts in
            let sum = copies.sum
            let worst = Double(sum.copied &+ sum.unresolved)
            return .of(
                claim.kind, measured: Double(sum.copied),
                evidence: "\(Words.bytes(sum.copied)) copied of \(Words.bytes(sum.payload)) through \(through(copies))",
                doubts: doubts
                    + Doubts.unknown(sum.unresolved, of: sum.payload, wouldMatter: worst > claim.kind.limit),
                contributors: copies.contributors, remedy: copies.advice)
        }
    }

    private func hiddenCopies() -> Judgment? {
        copies { copies, doubts in
            let sum = copies.sum
            let unknown = Doubts.unknown(
                sum.unresolved, of: sum.payload,
                wouldMatter: Double(sum.unresolved) > Double(sum.payload) * Doubts.unknownShare)
            return .of(
                claim.kind, measured: Double(copies.hiddenBytes),
                evidence:
                    "\(Words.bytes(copies.hiddenBytes)) of \(Words.bytes(sum.payload)) were meant to avoid a copy and were copied",
                doubts: doubts + unknown, contributors: copies.hidden, remedy: copies.hiddenAdvice)
        }
    }

    private func through(_ copies: ClaimedCopies) -> String {
        var words = copies.narrowsFiles ? "the fds in scope" : "the process"
        if copies.programBytes > 0 { words += "; \(Words.bytes(copies.programBytes)) of its own files left out" }
        if copies.discarded > 0 {
            words += "; \(Words.bytes(copies.discarded)) went to /dev/null or its like, which copy nothing"
        }
        if copies.zeros > 0 { words += "; \(Words.bytes(copies.zeros)) were zeros of /dev/zero, which are no copies" }
        return words
    }

    // MARK: - Models

    private func models(_ model: ClaimedModel, _ atLeast: Double?) -> Judgment? {
        guard subject.payload(Scope()) > 0 else { return nil }
        if scope.narrowsFiles { return modelsOfFiles(model, atLeast) }
        let decision = subject.classifier.decision(on: model.rawValue)
        guard decision.allOperations > 0 || decision.allBytes > 0 else { return nil }
        let own = subject.classifier.rows.filter { $0.model == model.rawValue && $0.decides }
        let evidence =
            own.isEmpty
            ? "no operation is \(model.rawValue); tags: \(subject.classifier.tags.joined(separator: ", "))"
            : own.map(\.evidence).joined(separator: "; ")
        return modelJudgment(
            model, atLeast, (decision.operationShare ?? 0, decision.byteShare ?? 0), evidence: evidence,
            files: subject.fileModels)
    }

    private func modelsOfFiles(_ model: ClaimedModel, _ atLeast: Double?) -> Judgment? {
        let files = subject.fileModels.filter { scope.contains($0.file.identity) }
        var (own, total) = (ModelFigures(), ModelFigures())
        for models in files {
            let file = models.file
            if model == .zeroCopy {
                let copies = Copies(of: file)
                own += ModelFigures(
                    operations: file.ledger.zeroCopyOperations &+ file.ledger.directOperations, bytes: copies.avoided)
                total += ModelFigures(
                    operations: file.operations.less(file.again), bytes: copies.copied &+ copies.avoided)
            } else {
                own += models.figures(of: model)
                for one in ClaimedModel.allCases where one != .zeroCopy { total += models.figures(of: one) }
            }
        }
        guard total.operations > 0 else { return nil }
        return modelJudgment(
            model, atLeast,
            (Words.share(own.operations, of: total.operations) ?? 0, Words.share(own.bytes, of: total.bytes) ?? 0),
            evidence:
                "\(Words.count(own.operations)) of \(Words.count(total.operations)) operations on the fds in scope",
            files: files)
    }

    /// Without a share, a model is there if it has a hundredth of the operations or of the bytes, as for tags. With one, a
    /// wait model is measured by operations, and zero-copy by bytes.
    private func modelJudgment(
        _ model: ClaimedModel, _ atLeast: Double?, _ shares: (operations: Double, bytes: Double), evidence: String,
        files: [FileModels]
    ) -> Judgment {
        let byTag = max(shares.operations, shares.bytes)
        let measured = atLeast == nil ? byTag : model == .zeroCopy ? shares.bytes : shares.operations
        var doubts = doubts
        if model == .zeroCopy { doubts += Doubts.ledger(subject) }
        if process.ledger == nil {
            doubts += [Doubt(code: "no_ledger", message: "io_uring and copies were not accounted for (--no-ledger)")]
        }
        let unwanted: (FileModels) -> UInt64
        let (why, remedy): (String, String)
        if case .noModel = claim.kind {
            unwanted = { $0.figures(of: model).operations }
            (why, remedy) = ("operations that are \(model.rawValue)", Self.remedy(against: model))
        } else {
            unwanted = { file in
                ClaimedModel.allCases.filter { $0 != model }.reduce(0) { $0 &+ file.figures(of: $1).operations }
            }
            (why, remedy) = ("operations that are not \(model.rawValue)", Self.remedy(for: model))
        }
        let contributors = files.map { ($0, unwanted($0)) }.filter { $0.1 > 0 }
            .sorted { ($1.1, $0.0.file.identity.name) < ($0.1, $1.0.file.identity.name) }.prefix(Contributor.limit)
            .map { models, operations in
                let file = models.file
                return Contributor(
                    operation: file.bytesIn >= file.bytesOut
                        ? process.reads(of: file.identity) : process.writes(of: file.identity),
                    file: file.identity, value: Double(operations), unit: .count, reason: why)
            }
        // Lost operations may be of any model.
        if doubts.contains(where: { $0.code == "losses" }) {
            return Judgment(outcome: .inconclusive, measured: measured, evidence: evidence, doubts: doubts)
        }
        return .of(
            claim.kind, measured: measured, evidence: evidence, doubts: doubts, contributors: contributors,
            remedy: remedy)
    }

    private static func remedy(against model: ClaimedModel) -> String {
        switch model {
        case .blocking: "open with O_NONBLOCK and let epoll watch, or submit it to io_uring"
        case .nonblocking: "let epoll watch the fd instead of asking again and again"
        case .multiplexed: "nothing may wait in select, poll or epoll: block in the call, or submit to io_uring"
        case .async: "do not submit to io_uring or Linux AIO, and do not set O_ASYNC"
        case .zeroCopy: "read and write instead of sendfile, splice, MSG_ZEROCOPY, O_DIRECT and large mappings"
        }
    }

    private static func remedy(for model: ClaimedModel) -> String {
        switch model {
        case .blocking: "leave out O_NONBLOCK, and let no multiplexer watch the fd"
        case .nonblocking: "set O_NONBLOCK on the fds, and let no multiplexer watch them"
        case .multiplexed: "register the fds with epoll, and call when it says so"
        case .async: "submit the operations to io_uring, or to Linux AIO with O_DIRECT"
        case .zeroCopy: "move the payload with sendfile, splice, MSG_ZEROCOPY or O_DIRECT"
        }
    }

    // MARK: - Costs

    private func blocked(_ cause: BlockingCause?) -> Judgment? {
        guard subject.payload(Scope()) > 0 else { return nil }
        return blockedJudgment(cause)
    }

    /// Of a process that moved no payload too.
    func blockedJudgment(_ cause: BlockingCause?) -> Judgment {
        let doubts = doubts + Doubts.probes(["switch_threads", "wake_thread"], subject.tool)
        let files = process.files.values.filter { scope.contains($0.identity) }
        let measured: UInt64
        if scope.narrowsFiles {
            measured = files.filter { cause.map($0.mayBlock) ?? true }.reduce(0) { $0 &+ $1.blocked }
        } else {
            measured = cause.map { process.totals[$0] } ?? process.totals.blocked
        }
        var contributors: [Contributor] = []
        if !scope.narrowsFiles {
            for (number, call) in process.calls
            where call.blocked > 0 && (cause.map { SyscallTrait.of(number).wait.mayBe($0) } ?? true) {
                let words = "\(Words.count(call.sleeps)) of \(Words.count(call.count)) calls slept"
                contributors.append(
                    Contributor(
                        operation: SyscallNames.name(of: number), value: Double(call.blocked), unit: .nanoseconds,
                        reason: words))
            }
        }
        // Single fds say where; what the kernel counts for a call is the same time.
        let rows = files.filter { $0.blocked > 0 && (cause.map($0.mayBlock) ?? true) }
        if let worst = rows.max(by: { $0.blocked < $1.blocked }) {
            let places = rows.sorted { $0.blocked > $1.blocked }.prefix(Contributor.limit).map { file in
                Contributor(
                    operation: "on its fd", file: file.identity, value: Double(file.blocked), unit: .nanoseconds,
                    reason: "calls on this fd slept")
            }
            if scope.narrowsFiles || worst.blocked > measured / 2 { contributors += places }
        }
        contributors.sort { ($1.value, $0.operation) < ($0.value, $1.operation) }
        let evidence =
            "\(Words.time(measured)) blocked\(cause.map { " on \($0.key)" } ?? ""), by the scheduler's events, of "
            + "\(Words.time(process.totals.observed)) observed"
        return .of(
            claim.kind, measured: Double(measured), evidence: evidence, doubts: doubts, contributors: contributors,
            remedy: Self.remedy(cause))
    }

    private static func remedy(_ cause: BlockingCause?) -> String {
        switch cause {
        case .disk: "read ahead, keep the data in memory, or give the work to io_uring or to other threads"
        case .socketRecv, .accept: "let epoll watch the socket, or submit the receive to io_uring"
        case .socketSend: "let epoll watch the socket, or make its send buffer larger"
        case .connect: "connect with O_NONBLOCK and wait in epoll"
        case .pipe: "let epoll watch the pipe, or make it larger (F_SETPIPE_SZ)"
        case .lock: "hold locks for less, or share less"
        case .pageFault: "populate mappings beforehand (MAP_POPULATE, madvise), or read instead"
        case .multiplexer, .asyncWait, .sleep, .child, .other, nil: "the largest contributors say where it slept"
        }
    }

    private func switches() -> Judgment? {
        guard subject.payload(Scope()) > 0 else { return nil }
        let operations = process.operations
        guard operations > 0 else { return nil }
        let switches = process.modeSwitches
        return ratio(
            Double(switches) / Double(operations),
            evidence: """
                \(Words.count(switches)) mode switches (two for each call and page fault) for \(Words.count(operations)) \
                operations
                """, doubts: doubts + Doubts.probes(["count_fault"], subject.tool), unit: 2,
            remedy: "move more with each call, wait for several fds at once, or submit batches to io_uring")
    }

    private func syscalls() -> Judgment? {
        let payload = subject.payload(Scope())
        guard payload > 0 else { return nil }
        let mebibytes = Double(payload) / 1_048_576
        return ratio(
            Double(process.callCount) / mebibytes,
            evidence: "\(Words.count(process.callCount)) system calls for \(Words.bytes(payload))", doubts: doubts,
            unit: 1,
            remedy: "move more with each call: larger buffers, vectors (writev), sendfile, batches (io_uring)")
    }

    /// - Parameter unit: what one call adds to the dividend.
    private func ratio(_ measured: Double, evidence: String, doubts: [Doubt], unit: UInt64, remedy: String) -> Judgment
    {
        var contributors = process.calls.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
            .prefix(Contributor.limit).map { number, call in
                Contributor(
                    operation: SyscallNames.name(of: number), value: Double(call.count &* unit), unit: .count,
                    reason: unit == 2 ? "two mode switches for each of its calls" : "calls")
            }
        if unit == 2, process.totals.userFaults > 0 {
            contributors.append(
                Contributor(
                    operation: "page faults", value: Double(2 &* process.totals.userFaults), unit: .count,
                    reason: "two mode switches for each, from user mode"))
            contributors.sort { $0.value > $1.value }
        }
        if doubts.contains(where: { $0.code == "losses" || $0.code == "probe_missing" }) {
            return Judgment(
                outcome: .inconclusive, measured: measured, evidence: evidence, doubts: doubts,
                contributors: contributors)
        }
        return .of(
            claim.kind, measured: measured, evidence: evidence, doubts: doubts, contributors: contributors,
            remedy: remedy)
    }

    private func finding(_ code: String) -> Judgment? {
        guard subject.payload(Scope()) > 0 else { return nil }
        let found = subject.findings.filter { $0.code == code }
        var doubts = doubts + Doubts.ledger(subject)
        doubts += Doubts.probes(["switch_threads", "wake_thread"], subject.tool)
        return .of(
            claim.kind, measured: Double(found.count),
            evidence: found.first?.message ?? "its figures show no such thing", doubts: doubts,
            contributors: found.map {
                Contributor(operation: $0.code, value: 1, unit: .count, reason: $0.message)
            }, remedy: found.first?.advice)
    }
}

extension ProcessFigures {
    /// All operations, waits included: what the wait models' rows add up to.
    var operations: UInt64 {
        ModelClassifier(self).rows.reduce(0) { $0 &+ ($1.model == "zero-copy" ? 0 : $1.operations) }
    }
}

extension FileFigures {
    /// Sleeps on this kind of fd can have this cause.
    fileprivate func mayBlock(_ cause: BlockingCause) -> Bool {
        switch cause {
        case .disk, .pageFault: [.regular, .block, .directory].contains(identity.type)
        case .socketRecv, .socketSend, .accept, .connect: identity.type.isSocket
        case .pipe: identity.type.isPipe
        case .multiplexer: identity.type == .epoll
        case .asyncWait: identity.type == .ioUring
        case .lock, .sleep, .child: false
        case .other: true
        }
    }
}

extension WaitRule {
    /// Disk sleeps can be in any call that touches a file.
    fileprivate func mayBe(_ cause: BlockingCause) -> Bool {
        switch self {
        case .cause(let own): own == cause || (cause == .disk && own != .multiplexer && own != .sleep && own != .child)
        case .fdIn, .fdOut: true
        }
    }
}
