/// A process that claims are judged for; what several claims ask of it is worked out once.
final class Subject {
    let process: ProcessFigures
    let tool: Tool
    lazy var classifier = ModelClassifier(process)
    lazy var findings = Finding.all(in: classifier)
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
