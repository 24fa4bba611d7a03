/// Two sets of profiles side by side.
public struct Comparison: Sendable {
    public enum Direction: String, Sendable { case same, better, worse }

    public struct Change: Sendable {
        public var comm: String
        public var metric: ProfileMetric
        /// nil: not known on that side.
        public var before: Double?
        public var after: Double?
        public var direction: Direction
        /// Worse, and no matter of the machine.
        public var isRegression: Bool
    }

    public struct ModelChange: Sendable {
        public var comm: String
        public var model: String
        /// Of the operations, 0 to 1.
        public var before: Double
        public var after: Double
    }

    public struct CauseChange: Sendable {
        public var comm: String
        public var cause: String
        /// Nanoseconds.
        public var before: UInt64
        public var after: UInt64
    }

    public var changes: [Change] = []
    public var models: [ModelChange] = []
    public var causes: [CauseChange] = []
    public var onlyBefore: [String] = []
    public var onlyAfter: [String] = []
    /// Why some of it cannot be compared.
    public var doubts: [Doubt] = []

    public var regressions: [Change] { changes.filter(\.isRegression) }

    /// - Parameter tolerance: a share: 0.1 lets a figure grow by a tenth.
    public init(_ before: [IOProfile], _ after: [IOProfile], tolerance: Double) {
        let names = Set(before.map(\.comm)).union(after.map(\.comm)).sorted()
        var compared = 0
        for name in names {
            let old = before.first { $0.comm == name }
            let new = after.first { $0.comm == name }
            guard let old else {
                onlyAfter.append(name)
                continue
            }
            guard let new else {
                onlyBefore.append(name)
                continue
            }
            compared += 1
            add(old, new, tolerance)
        }
        if compared == 0 {
            doubts.append(Doubt(code: "nothing_in_common", message: "no process has the same name on both sides"))
        }
        // Whatever a process did that moved payload then, and is not there now, is not known to be as good.
        for profile in before where profile.payload > 0 && onlyBefore.contains(profile.comm) {
            doubts.append(
                Doubt(code: "process_missing", message: "\(profile.comm) moved payload before and is missing now"))
        }
    }

    private mutating func add(_ old: IOProfile, _ new: IOProfile, _ tolerance: Double) {
        if old.payload > 0 && new.payload == 0 {
            doubts.append(Doubt(code: "no_payload", message: "\(new.comm) moved payload before and none now"))
        }
        for metric in ProfileMetric.allCases {
            let (before, after) = (metric.value(of: old), metric.value(of: new))
            guard before != nil || after != nil else { continue }
            var direction = Direction.same
            if let before, let after {
                let room = max(before * tolerance, metric.floor)
                direction = after > before + room ? .worse : after < before - room ? .better : .same
            } else if before != nil, old.payload > 0, new.payload > 0 {
                doubts.append(
                    Doubt(
                        code: "not_measured", message: "\(new.comm): \(metric.words) was measured before and is not now"
                    ))
            }
            changes.append(
                Change(
                    comm: new.comm, metric: metric, before: before, after: after, direction: direction,
                    isRegression: direction == .worse && !metric.isOfTheMachine))
        }
        if new.payload > 0, Double(new.unknown) / Double(new.payload) > max(tolerance, Doubts.unknownShare) {
            doubts.append(
                Doubt(
                    code: "unknown_evidence",
                    message: "\(new.comm): it is not known whether \(Words.bytes(new.unknown)) were copied"))
        }
        addModels(old, new)
        for cause in Set(old.blockedByCause.keys).union(new.blockedByCause.keys).sorted() {
            let (before, after) = (old.blockedByCause[cause] ?? 0, new.blockedByCause[cause] ?? 0)
            guard max(before, after) > 1_000_000, before != after else { continue }
            causes.append(CauseChange(comm: new.comm, cause: cause, before: before, after: after))
        }
    }

    private mutating func addModels(_ old: IOProfile, _ new: IOProfile) {
        let (allOld, allNew) = (old.models.values.reduce(0, &+), new.models.values.reduce(0, &+))
        guard allOld > 0, allNew > 0 else { return }
        for model in Set(old.models.keys).union(new.models.keys).sorted() {
            let before = Double(old.models[model] ?? 0) / Double(allOld)
            let after = Double(new.models[model] ?? 0) / Double(allNew)
            guard abs(before - after) >= ClaimKind.modelThreshold else { continue }
            models.append(ModelChange(comm: new.comm, model: model, before: before, after: after))
        }
    }
}
