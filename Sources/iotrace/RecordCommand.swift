import ArgumentParser
import Glibc
import IOModel
import Recording

struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Trace into a file, an interval at a time.",
        discussion: """
            The file is newline-delimited JSON and complete up to its last interval at any time: it can be read while it \
            grows, and a recorder that is killed loses one interval at most. `iotrace report FILE` prints it.
            """)

    @OptionGroup(title: "Target") var target: TargetOptions

    @Option(name: .shortAndLong, help: "The file to write.")
    var output: String

    @Option(help: "Seconds from one line to the next.")
    var interval: Double = 1

    func run() throws {
        guard interval >= 0.01, interval <= 86400 else {
            throw CommandFailure("--interval \(interval): it must be from 0.01 to 86400 seconds")
        }
        _ = try target.target()  // before the file is emptied
        let file = try Output(path: output)
        var intervals = Recording.Intervals()
        let observer = TraceSession.Observer(
            began: { tool, window in try file.write(Recording.header(tool: tool, window: window)) },
            interval: { at, processes, losses in
                try intervals.write(at: at, processes, losses) { try file.write($0) }
            })
        let session = try TraceSession(target, interval: interval, keepsEnded: false, observer: observer)
        let outcome = try session.run()
        let report = outcome.report
        // What follows from the figures is found anew by whoever reads the file.
        let own = report.warnings.filter { !["losses", "files_folded", "nothing_traced"].contains($0.code) }
        try file.write(
            Recording.end(window: report.window, losses: report.losses, overhead: report.overhead, warnings: own))
        let status = session.finalStatus(outcome)
        if status != 0 { throw ExitCode(status) }
    }
}
