/// A verification as it is printed, whatever as. The document `iotrace.verdict/1` is its JSON.
public struct VerificationReport: Sendable {
    public struct Run: Sendable {
        public var window: Window
        public var losses: Losses
        public var processes: Int
        /// As a shell has it; nil when there was no command, or it had not ended.
        public var commandStatus: Int?

        public init(window: Window, losses: Losses, processes: Int, commandStatus: Int? = nil) {
            self.window = window
            self.losses = losses
            self.processes = processes
            self.commandStatus = commandStatus
        }
    }

    public var tool: Tool
    public var verdict: Verdict
    public var runs: [Run]
    public var command: [String]
    /// What iotrace leaves with.
    public var exitStatus: Int
    /// Why this machine cannot be traced: then no claim was judged.
    public var unsupported: String?
    /// Of `unsupported`: it is let pass as skipped.
    public var isSkipped = false

    public init(
        tool: Tool, verdict: Verdict, runs: [Run] = [], command: [String] = [], exitStatus: Int,
        unsupported: String? = nil
    ) {
        self.tool = tool
        self.verdict = verdict
        self.runs = runs
        self.command = command
        self.exitStatus = exitStatus
        self.unsupported = unsupported
    }

    /// The command's own status, where it failed: that of the last run.
    public var commandFailure: Int? { runs.last?.commandStatus.flatMap { $0 == 0 ? nil : $0 } }

    /// One word for everything.
    public var outcomeKey: String {
        isSkipped ? "skipped" : unsupported != nil ? "unsupported" : verdict.outcome.key
    }

    /// How a shell's status of a failed command reads.
    public static func words(commandStatus status: Int) -> String {
        let names = [
            1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
            9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 31: "SIGSYS",
        ]
        guard status > 128, status < 193 else { return "ended with status \(status)" }
        return "was ended by \(names[status - 128] ?? "signal \(status - 128)") (status \(status))"
    }
}
