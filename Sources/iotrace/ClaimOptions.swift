import ArgumentParser
import IOModel

/// Claims on the command line, and the scope that all of them have.
struct ClaimOptions: ParsableArguments {
    @Flag(help: "What the target sent or wrote was not copied by the CPU: at most 1% of it, and nothing in secret.")
    var zeroCopy = false

    @Option(
        help: ArgumentHelp("With --zero-copy: put copies in smaller operations down to headers.", valueName: "bytes"))
    var allowCopiedBelow: String?

    @Option(help: ArgumentHelp("CPU-copied bytes for each byte through the process.", valueName: "number"))
    var maxAmplification: String?

    @Option(help: ArgumentHelp("CPU-copied bytes in all.", valueName: "bytes"))
    var maxCopied: String?

    @Option(
        help: ArgumentHelp(
            "The I/O is of this model: blocking, nonblocking, multiplexed, async or zero-copy; with a share, at least so much of it.",
            valueName: "model[:share]"))
    var model: [String] = []

    @Option(help: ArgumentHelp("No I/O is of this model.", valueName: "model"))
    var noModel: [String] = []

    @Option(
        help: ArgumentHelp(
            "Time blocked for a cause, such as disk:10ms; any:1s for all causes together.", valueName: "cause:time"))
    var maxBlocked: [String] = []

    @Option(help: ArgumentHelp("User/kernel mode switches for each operation.", valueName: "number"))
    var maxSwitchesPerOp: String?

    @Option(help: ArgumentHelp("System calls for each MiB of payload.", valueName: "number"))
    var maxSyscallsPerMib: String?

    @Flag(help: "Nothing that was meant to avoid a copy was copied all the same.")
    var noHiddenCopies = false

    @Option(help: ArgumentHelp("The report has no such finding.", valueName: "code"))
    var noFinding: [String] = []

    @Option(help: ArgumentHelp("So much went through, at least: nothing is claimed of idleness.", valueName: "bytes"))
    var minPayload: String?

    @Option(
        help: ArgumentHelp("Judge processes of this name only; * and ? are understood.", valueName: "comm"))
    var process: [String] = []

    @Option(help: ArgumentHelp("Judge fds of this type only, such as tcp or regular.", valueName: "type"))
    var fdType: [String] = []

    @Option(
        help: ArgumentHelp("Judge files with such a path, or sockets with such an address, only.", valueName: "glob"))
    var path: [String] = []

    func claims() throws -> [Claim] {
        let scope = try scope()
        var kinds: [ClaimKind] = []
        func add<Value>(
            _ option: String, _ text: String?, _ parse: (String) throws -> Value, _ kind: (Value) -> ClaimKind
        )
            throws
        {
            guard let text else { return }
            do { kinds.append(kind(try parse(text))) } catch let error as LimitError {
                throw CommandFailure("--\(option) \(visible(text)): \(error)")
            }
        }
        if zeroCopy {
            try add("allow-copied-below", allowCopiedBelow ?? "0", Limits.bytes) { .zeroCopy(allowCopiedBelow: $0) }
        } else if allowCopiedBelow != nil {
            throw CommandFailure("--allow-copied-below belongs to --zero-copy — give that too")
        }
        try add("max-amplification", maxAmplification, Limits.number) { .maxAmplification($0) }
        try add("max-copied", maxCopied, Limits.bytes) { .maxCopied($0) }
        for text in model { try add("model", text, Limits.model) { $0 } }
        for text in noModel { try add("no-model", text, Limits.modelName) { .noModel($0) } }
        for text in maxBlocked { try add("max-blocked", text, Limits.blocked) { $0 } }
        try add("max-switches-per-op", maxSwitchesPerOp, Limits.number) { .maxSwitchesPerOperation($0) }
        try add("max-syscalls-per-mib", maxSyscallsPerMib, Limits.number) { .maxSyscallsPerMebibyte($0) }
        if noHiddenCopies { kinds.append(.noHiddenCopies) }
        for text in noFinding { try add("no-finding", text, Limits.finding) { $0 } }
        try add("min-payload", minPayload, Limits.bytes) { .minPayload($0) }
        return kinds.map { Claim($0, scope: scope) }
    }

    private func scope() throws -> Scope {
        for (option, values) in [("process", process), ("path", path)] where values.contains("") {
            throw CommandFailure("--\(option): it is empty")
        }
        let types = try fdType.map { text in
            guard let type = FileType(rawValue: text) else {
                throw CommandFailure(
                    "--fd-type \(visible(text)): the types are \(FileType.allCases.map(\.rawValue).joined(separator: ", "))"
                )
            }
            return type
        }
        return Scope(processes: process.map { Pattern($0) }, fileTypes: types, paths: path.map { Pattern($0) })
    }
}
