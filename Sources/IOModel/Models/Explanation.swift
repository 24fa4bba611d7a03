/// The chain from counts to verdict, in sentences: which rule operations fell under, on which fds, which waits and transfers
/// add up to a row, and what made it a tag or not.
public struct Explanation: Sendable {
    public struct Step: Sendable, Equatable {
        /// 0 is a verdict, 1 what it rests on, and so on.
        public var level: Int
        public var text: String
    }

    public private(set) var steps: [Step] = []

    /// Fds that are named one by one; the rest are added up.
    private static let fdLimit = 8

    private let classifier: ModelClassifier
    private let process: ProcessFigures

    public init(of process: ProcessFigures, subject: ExplainSubject) {
        self.process = process
        classifier = ModelClassifier(process)
        switch subject {
        case .all:
            for model in ModelClassifier.models where classifier.rows.contains(where: { $0.model == model }) {
                explain(model)
            }
            explainAbsent()
            explainWhatIsLeftOut()
            explainPhases()
        case .model(let model): explain(model)
        case .fd(let number): explain(fd: number)
        }
    }

    private mutating func say(_ level: Int, _ text: String) { steps.append(Step(level: level, text: text)) }

    // MARK: A model

    private mutating func explain(_ model: String) {
        let rows = classifier.rows.filter { $0.model == model }
        guard !rows.isEmpty else {
            return say(0, "\(model): no tag. No operation fell under \(Self.rules(of: model)).")
        }
        say(0, "\(model): \(verdict(model, rows))")
        for row in rows { model == ModelRule.zeroCopy.rawValue ? explainPath(row) : explain(row) }
    }

    private func verdict(_ model: String, _ rows: [ModelRow]) -> String {
        guard rows.contains(where: \.decides) else { return "no tag. Nothing of it may decide one: see below." }
        let decision = classifier.decision(on: model)
        let isZeroCopy = model == ModelRule.zeroCopy.rawValue
        var parts: [String] = []
        if let share = decision.operationShare {
            let what = isZeroCopy ? "operations that moved payload" : "operations that may decide"
            parts.append(
                "\(Words.count(decision.operations)) of \(Words.count(decision.allOperations)) \(what) (\(Words.percent(share)))"
            )
        }
        if let share = decision.byteShare {
            parts.append(
                "\(Words.count(decision.bytes)) of \(Words.count(decision.allBytes)) bytes (\(Words.percent(share)))")
        }
        let verdict = decision.isTag ? "a tag" : "no tag"
        if decision.isIsolated { return "\(verdict). One operation of less than a page: an incident." }
        return
            "\(verdict). \(parts.joined(separator: " and ")); \(decision.isTag ? "1% of either makes one" : "it takes 1% of either")."
    }

    private mutating func explain(_ row: ModelRow) {
        let figures = classifier.sums[row.rule]
        say(
            1,
            "\(row.subModel ?? row.model): \(row.evidence). \(Words.percent(row.operationShare)) of the operations, "
                + "\(Words.plural(row.bytes, "byte")) (\(Words.percent(row.byteShare))).")
        say(2, "rule: \(row.rule.statement) — \(row.rule.page)")
        if !row.decides { say(2, "decides no tag: \(Self.whyNot(row, figures))") }
        explainFDs(of: row.rule, figures)
        if figures.withoutFD > 0 {
            let what = row.rule == .blocking ? "process_vm_readv and process_vm_writev" : "requests that name no file"
            say(2, "no fd: \(Words.plural(figures.withoutFD, "operation")), \(what)")
        }
        if !row.rule.waitCalls.isEmpty { explainWaits(of: row.rule, figures) }
        if figures.waits > 0 {
            say(
                2,
                "together: \(Words.count(figures.operations)) on fds + \(Words.count(figures.waits)) waits = "
                    + Words.plural(row.operations, "operation"))
        }
    }

    private mutating func explainFDs(of rule: ModelRule, _ figures: RuleFigures) {
        let context = RuleContext(process)
        var rows: [(id: UInt64, file: FileFigures, sum: ModelFigures)] = []
        for (id, file) in process.files {
            let sum = file.figures(under: rule, context)
            if !sum.isZero { rows.append((id, file, sum)) }
        }
        rows.sort { ($1.sum.operations, $1.sum.bytes, $0.id) < ($0.sum.operations, $0.sum.bytes, $1.id) }
        let shown = rows.count <= Self.fdLimit + 1 ? rows.count : Self.fdLimit
        for row in rows.prefix(shown) {
            say(2, "\(Self.name(row.file)): \(Self.amount(row.sum))\(Self.state(row.file, under: rule))")
        }
        guard rows.count > shown else { return }
        let rest = rows.dropFirst(shown).reduce(into: ModelFigures()) { $0 += $1.sum }
        say(2, "\(Words.count(UInt64(rows.count - shown))) more fds: \(Self.amount(rest))")
    }

    private mutating func explainWaits(of rule: ModelRule, _ figures: RuleFigures) {
        for name in rule.waitCalls {
            guard let number = SyscallNames.number(of: name), let call = process.calls[number] else { continue }
            var words = "waits: \(name) returned \(Words.count(call.count.less(call.errors))) times"
            if call.errors > 0 { words += ", and failed \(Words.plural(call.errors, "time")) (not counted)" }
            words += "; asleep \(Words.time(call.blocked)) in \(Words.count(call.sleeps)) of them"
            if call.count == 0 { words = "waits: one \(name) has not returned; asleep \(Words.time(call.blocked))" }
            say(2, words)
        }
        let sleeps = process.totals.sleeps(under: rule)
        if sleeps > 0 { say(2, "no waits: \(Words.count(sleeps)) of these calls had no fds, and only slept") }
        let waits = classifier.sums.waits
        if classifier.sums.instantWaits > 0 && waits == figures.waits {
            say(2, "\(Words.count(classifier.sums.instantWaits)) of the waits had a timeout of 0: they only asked")
        }
    }

    private mutating func explainPath(_ row: ModelRow) {
        say(
            1,
            "\(row.subModel ?? "by reference"): \(row.evidence); \(Words.percent(row.byteShare)) of the bytes of all copy paths"
                + (row.rule == .mapped ? "" : ", \(Words.plural(row.operations, "operation"))"))
        say(2, "rule: \(row.rule.statement) — \(row.rule.page)")
        if row.rule == .mapped && row.decidingBytes < row.bytes {
            say(
                2,
                "\(Words.plural(row.bytes &- row.decidingBytes, "byte")) of them of the program's own files, which decide nothing"
            )
        }
        if !row.decides { say(2, "decides no tag: mappings below 1 MiB, as the C library's locale data") }
        var files: [(file: FileFigures, bytes: UInt64)] = []
        for file in process.files.values {
            let bytes = Self.moved(file, by: row.rule)
            if bytes > 0 { files.append((file, bytes)) }
        }
        files.sort { $0.bytes != $1.bytes ? $0.bytes > $1.bytes : $0.file.identity.fd < $1.file.identity.fd }
        for (file, bytes) in files.prefix(Self.fdLimit) {
            say(2, "\(Self.name(file)): \(Words.plural(bytes, "byte"))")
        }
        if files.count > Self.fdLimit { say(2, "\(files.count - Self.fdLimit) more fds") }
    }

    private static func moved(_ file: FileFigures, by rule: ModelRule) -> UInt64 {
        switch rule {
        case .direct: file.ledger.direct
        case .mapped: file.ledger.mapped
        default: Copies(of: file).avoided.less(file.ledger.direct)
        }
    }

    private mutating func explainAbsent() {
        let absent = ModelClassifier.models.filter { model in !classifier.rows.contains { $0.model == model } }
        if !absent.isEmpty { say(0, "\(absent.joined(separator: ", ")): no tag. No operation fell under their rules.") }
        if classifier.tags.isEmpty {
            say(0, "The process has no tag: none is better than a wrong one (docs/models/shares-and-tags.md).")
        }
    }

    private mutating func explainWhatIsLeftOut() {
        let totals = process.totals
        if totals.startupOperations > 0 {
            say(
                0,
                "Left out: \(Words.plural(totals.startupOperations, "operation")) of the dynamic loader, "
                    + "\(Words.plural(totals.startupBytesIn &+ totals.startupBytesOut, "byte")) — docs/models/start-up.md"
            )
        }
        let idle = process.uring.filter { !UringOpcode.isIO($0.key) }
        let requests = idle.reduce(0) { $0 &+ $1.value.figures.completed }
        if requests > 0 {
            let names = idle.keys.map(Operation.uringName).sorted().joined(separator: ", ")
            say(
                0,
                "Left out: \(Words.count(requests)) requests of io_uring that are no I/O (\(names)) — docs/models/io-uring.md"
            )
        }
    }

    /// The calls in which it waited the longest, and those in which it was busy.
    private mutating func explainPhases() {
        let phases = classifier.phases
        let times = process.calls.keys.filter(Phases.holds).map { ($0, TimeOfCall($0, in: process)) }
        guard !times.isEmpty else { return }
        say(
            0,
            "Phases: \(Words.time(phases.wait)) waiting, \(Words.time(phases.moving)) moving — docs/models/quadrant-and-phases.md"
        )
        let waits = times.map { ($0.0, $0.1.asleep) }
        let moves = times.compactMap { number, time in time.onCPU.map { (number, $0) } }
        for (what, parts) in [("waiting", waits), ("moving", moves)] {
            let ranked = parts.filter { $0.1 > 0 }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }
            guard !ranked.isEmpty else { continue }
            let named = ranked.prefix(5).map { "\(SyscallNames.name(of: $0.0)) \(Words.time($0.1))" }
            let rest = ranked.dropFirst(5).reduce(0) { $0 &+ $1.1 }
            say(
                1,
                "\(what): \((named + (rest > 0 ? ["other calls \(Words.time(rest))"] : [])).joined(separator: " + "))")
        }
        if phases.moving.isEstimated { say(1, "moving is the mean of the timed calls, for all of them") }
        if phases.moving.isPartial {
            let untimed = times.filter { $0.1.happened && $0.1.onCPU == nil }.map { SyscallNames.name(of: $0.0) }
            say(
                1,
                "moving is not known of \(untimed.sorted().joined(separator: ", ")): no such call was timed (--latency full times all)"
            )
        }
    }

    // MARK: An fd

    private mutating func explain(fd number: Int32) {
        let files = process.files.filter { $0.value.identity.fd == number }.sorted { $0.key < $1.key }
        guard !files.isEmpty else {
            return say(0, "fd \(number): nothing was done on an fd of this number, or its row was added to others'.")
        }
        for (index, (_, file)) in files.enumerated() {
            let which = files.count > 1 ? " (file \(index + 1) of \(files.count) that had this number)" : ""
            explain(file, which)
        }
    }

    private mutating func explain(_ file: FileFigures, _ which: String) {
        let identity = file.identity
        say(
            0,
            "\(Self.name(file))\(which): \(Words.plural(file.operations, "operation")), "
                + "\(Words.plural(file.bytesIn, "byte")) in, \(Words.plural(file.bytesOut, "byte")) out; asleep \(Words.time(file.blocked))"
        )
        var state = [
            identity.nonblocking ? "O_NONBLOCK set" : "no O_NONBLOCK",
            identity.inEpoll ? "in an epoll set" : "in no epoll set",
        ]
        if identity.epollEvents & EpollFlags.edge != 0 { state.append("registered with EPOLLET") }
        if identity.epollEvents & EpollFlags.oneshot != 0 { state.append("registered with EPOLLONESHOT") }
        if identity.epollEvents & EpollFlags.exclusive != 0 { state.append("registered with EPOLLEXCLUSIVE") }
        say(1, "when last seen: \(state.joined(separator: ", "))")
        let rows = ModelClassifier.rows(of: file, in: process)
        for row in rows {
            say(
                1,
                "\(row.model)\(row.subModel.map { " (\($0))" } ?? ""): \(row.evidence); \(Words.plural(row.bytes, "byte"))."
            )
            say(2, "rule: \(row.rule.statement) — \(row.rule.page)")
            if let whole = classifier.rows.first(where: { $0.rule == row.rule }) {
                say(
                    2,
                    "\(Words.count(row.operations)) of the process's \(Words.plural(whole.operations, "operation")) under this rule; "
                        + (classifier.tags.contains(row.model)
                            ? "\(row.model) is a tag of it" : "\(row.model) is no tag of it"))
            }
        }
        let others = file.operations.less(rows.reduce(0) { $0 &+ $1.operations })
        if others > 0 {
            say(
                1,
                "no model: \(Words.plural(others, "operation")): waits on it, addresses (connect, bind, listen), or the loader's"
            )
        }
        if file.again > 0 { say(1, "\(Words.count(file.again)) of the operations found nothing (EAGAIN)") }
    }

    // MARK: Words

    private static func rules(of model: String) -> String {
        let pages = ModelRule.allCases.filter { $0.model == model && $0 != .programFiles }.map(\.page)
        var seen: [String] = []
        for page in pages where !seen.contains(page) { seen.append(page) }
        return seen.count == 1 ? "its rule (\(seen[0]))" : "its rules (\(seen.joined(separator: ", ")))"
    }

    private static func whyNot(_ row: ModelRow, _ figures: RuleFigures) -> String {
        if row.rule == .programFiles { return "it is start-up, or the program's own state" }
        return figures.operations == 0
            ? "it waited, and nothing was done on what it watches"
            : "all of it was on eventfds, timerfds or signalfds, which are no I/O by themselves"
    }

    private static func name(_ file: FileFigures) -> String {
        let identity = file.identity
        let number = identity.fd < 0 ? "fds" : "fd \(identity.fd)"
        let name = identity.name == identity.type.rawValue ? "" : " \(identity.name)"
        return "\(number) \(identity.type.rawValue)\(name)" + (file.opens > 1 ? " ×\(Words.count(file.opens))" : "")
    }

    private static func amount(_ figures: ModelFigures) -> String {
        "\(Words.plural(figures.operations, "operation")), \(Words.plural(figures.bytes, "byte"))"
    }

    /// What of its state belongs to the rule.
    private static func state(_ file: FileFigures, under rule: ModelRule) -> String {
        var words: [String] = []
        if file.again > 0 && rule == .nonblocking { words.append("EAGAIN \(Words.count(file.again)) times") }
        if rule == .epoll || rule == .poll || rule == .select || rule == .signal {
            words.append(file.identity.nonblocking ? "O_NONBLOCK" : "blocking fd")
        }
        return words.isEmpty ? "" : "; " + words.joined(separator: ", ")
    }
}

extension FileFigures {
    /// What of it falls under a rule.
    func figures(under rule: ModelRule, _ context: RuleContext) -> ModelFigures {
        ModelSlot.allCases.reduce(into: ModelFigures()) { sum, slot in
            guard slot.rawValue < models.count, context.rule(of: slot, on: identity) == rule else { return }
            sum += models[slot.rawValue]
        }
    }
}

extension Words {
    static func time(_ time: InCalls) -> String {
        guard let nanoseconds = time.nanoseconds else { return "–" }
        return (time.isPartial ? "at least " : time.isEstimated ? "about " : "") + self.time(nanoseconds)
    }
}
