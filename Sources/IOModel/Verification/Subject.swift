/// A process that claims are judged for; what several claims ask of it is worked out once.
final class Subject {
    let process: ProcessFigures
    let tool: Tool
    lazy var classifier = ModelClassifier(process)
    lazy var findings = Finding.all(in: classifier)
    /// Every fd with its models.
    lazy var fileModels = process.files.values.map {
        FileModels(file: $0, rows: ModelClassifier.rows(of: $0, in: process))
    }
    private lazy var wholeCopies = ClaimedCopies(process, scope: Scope())

    init(_ process: ProcessFigures, tool: Tool) {
        self.process = process
        self.tool = tool
    }

    /// nil when the figures come from a recording that has no ledger.
    func copies(_ scope: Scope) -> ClaimedCopies? {
        scope.narrowsFiles ? ClaimedCopies(process, scope: scope) : wholeCopies
    }

    /// Payload through the scope. Without a ledger, what the calls returned.
    func payload(_ scope: Scope) -> UInt64 {
        if let copies = copies(scope) { return copies.sum.payload }
        let calls = CallBytes(process.calls)
        return max(calls.bytesIn &+ calls.fromProcesses, calls.bytesOut &+ calls.toProcesses)
    }
}

/// The operations on one fd, by model.
struct FileModels {
    var file: FileFigures
    var rows: [ModelRow]

    func figures(of model: ClaimedModel) -> ModelFigures {
        rows.reduce(into: ModelFigures()) { sum, row in
            if row.model == model.rawValue && row.decides {
                sum += ModelFigures(operations: row.operations, bytes: row.bytes)
            }
        }
    }
}
