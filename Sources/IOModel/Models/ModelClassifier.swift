/// From counts to the models of a process and its tags. The rules and their limits are in docs/models.md.
public struct ModelClassifier: Sendable {
    public private(set) var rows: [ModelRow] = []
    /// Models with at least a hundredth of the operations or of the bytes.
    public private(set) var tags: [String] = []
    public let quadrants: Quadrants
    public let phases: Phases
    public let sums: ModelSums

    /// Shares from which on a model is a tag.
    public static let threshold = 0.01
    /// The C library maps its locale data, so mappings below this decide nothing. Bytes.
    public static let leastMapped: UInt64 = 1 << 20
    /// Fewer than this are no polling.
    public static let leastAgain: UInt64 = 100

    let process: ProcessFigures

    /// Every model that a process can have, in the order of its tags.
    public static let models = WaitModel.allCases.map(\.rawValue) + [ModelRule.zeroCopy.rawValue]

    public init(_ process: ProcessFigures) { self.init(process, sums: ModelSums(process)) }

    /// Of several processes together: what holds for each of them is decided for each by itself.
    /// - Parameter total: their figures, added up.
    public init(_ processes: [ProcessFigures], total: ProcessFigures) {
        self.init(total, sums: processes.reduce(into: ModelSums()) { $0 += ModelSums($1) })
    }

    private init(_ process: ProcessFigures, sums: ModelSums) {
        self.process = process
        self.sums = sums
        phases = Phases(process)
        quadrants = Quadrants(sums: sums, process: process)
        rows = Self.waitRows(sums, countsWaits: true) + Self.zeroCopyRows(process)
        tags = Self.models.filter { self.decision(on: $0).isTag }
    }

    /// The rows of one fd. Waits belong to no fd, and its copy paths are in its own copies.
    public static func rows(of file: FileFigures, in process: ProcessFigures) -> [ModelRow] {
        waitRows(ModelSums(of: file, in: process), countsWaits: false)
    }

    /// What decides whether a model is a tag: its part of what may decide. Start-up neither makes a tag nor thins one out.
    public func decision(on model: String) -> TagDecision {
        let zeroCopy = ModelRule.zeroCopy.rawValue
        var decision = TagDecision()
        for row in rows where row.decides && (row.model == zeroCopy) == (model == zeroCopy) {
            decision.allOperations &+= row.operations
            decision.allBytes &+= row.decidingBytes
            guard row.model == model else { continue }
            decision.operations &+= row.operations
            decision.bytes &+= row.decidingBytes
        }
        guard model == zeroCopy else { return decision }
        for path in CopyPathFigures.paths(of: process) where path.path == .copied || path.path == .kernelCopied {
            decision.allOperations &+= path.operations ?? 0
            decision.allBytes &+= path.bytes
        }
        return decision
    }

    private static func waitRows(_ sums: ModelSums, countsWaits: Bool) -> [ModelRow] {
        let evidence = Evidence(sums: sums, countsWaits: countsWaits)
        let rules = ModelRule.allCases.filter { $0.waitModel != nil }
        let operations = rules.reduce(0) { $0 &+ sums[$1].operations &+ sums[$1].waits }
        let bytes = rules.reduce(0) { $0 &+ sums[$1].bytes }
        return rules.compactMap { rule in
            let figures = sums[rule]
            let own = figures.operations &+ figures.waits
            guard own > 0 else { return nil }
            return ModelRow(
                rule: rule, subModel: subModel(of: rule, sums), operations: own, waits: figures.waits,
                bytes: figures.bytes, operationShare: Words.share(own, of: operations),
                byteShare: Words.share(figures.bytes, of: bytes), evidence: evidence.words(for: rule),
                decidingBytes: figures.bytes,
                decides: rule != .programFiles && figures.operations > figures.onSignals)
        }
    }

    private static func subModel(of rule: ModelRule, _ sums: ModelSums) -> String? {
        switch rule {
        case .blocking: return nil
        case .nonblocking:
            return sums.again >= leastAgain && sums.again > sums[.nonblocking].operations / 2 ? "busy-polling" : nil
        case .epoll:  // how most are registered, as far as that was seen
            let half = sums[.epoll].operations / 2
            if sums.oneshot > half { return "epoll oneshot" }
            if sums.exclusive > half { return "epoll exclusive" }
            return sums.edge > half ? "epoll edge" : "epoll"
        default: return rule.rawValue
        }
    }

    /// By the copy paths, since a transfer between two fds is one operation and its bytes count once.
    private static func zeroCopyRows(_ process: ProcessFigures) -> [ModelRow] {
        let paths = CopyPathFigures.paths(of: process)
        let operations = paths.reduce(0) { $0 &+ ($1.operations ?? 0) }
        let programFiles = ProgramFiles(pid: process.identity.pid, command: process.identity.command)
        let ofProgram = process.files.values.reduce(0) {
            programFiles.contain($1.identity) ? $0 &+ $1.ledger.mapped : $0
        }
        return paths.compactMap { path in
            let (rule, words): (ModelRule, String)
            switch path.path {
            case .zeroCopy:
                (rule, words) = (
                    .zeroCopy, "moved by page reference: sendfile, splice and their like, or a confirmed zero-copy send"
                )
            case .direct: (rule, words) = (.direct, "moved by a device to or from the program's pages")
            case .mapped: (rule, words) = (.mapped, "mapped by page faults")
            case .copied, .kernelCopied: return nil
            }
            return ModelRow(
                rule: rule, subModel: rule == .zeroCopy ? nil : rule.rawValue, operations: path.operations ?? 0,
                waits: 0, bytes: path.bytes, operationShare: Words.share(path.operations ?? 0, of: operations),
                byteShare: path.share, evidence: "\(Words.plural(path.bytes, "byte")) \(words)",
                decidingBytes: path.path == .mapped ? path.bytes.less(ofProgram) : path.bytes,
                decides: path.path != .mapped || path.bytes.less(ofProgram) >= leastMapped)
        }
    }
}
