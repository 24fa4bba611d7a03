import ArgumentParser
import Collector
import Export
import Glibc
import IOModel
import ProbeLoader
import Recording

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Trace and print a report, or print a recording.",
        discussion: """
            The report goes to standard output, or to standard error when a command is run, whose output then owns standard \
            output. Without a command, Ctrl-C ends the trace and prints the report.
            """)

    @OptionGroup(title: "Target") var target: TargetOptions
    @OptionGroup(title: "Report") var options: ReportOptions

    @Option(
        help: .init(
            "Say how the I/O models were decided, instead of the figures: all, fd:N, or one of \(ModelClassifier.models.joined(separator: ", ")).",
            valueName: "subject"))
    var explain: ExplainSubject?

    @Argument(help: "A recording to print, made by `iotrace record`.")
    var file: String?

    func validate() throws {
        guard explain == nil || !options.json else {
            throw ValidationError("--explain is for reading: it goes without --json, whose rows have the evidence")
        }
    }

    func run() throws {
        if let file {
            guard target.command.isEmpty, target.pids.isEmpty else {
                throw CommandFailure("give a recording or something to trace, not both")
            }
            try emit(try read(file), to: try options.output.map { try Output(path: $0) } ?? .standardOutput)
            return
        }
        let output =
            try options.output.map { try Output(path: $0) }
            ?? (target.command.isEmpty ? .standardOutput : .standardError)
        let session = try TraceSession(target, interval: 1, observer: .init())
        let outcome = try session.run()
        try emit(outcome.report, to: output)
        let status = session.finalStatus(outcome)
        if status != 0 { throw ExitCode(status) }
    }

    private func emit(_ report: Report, to output: Output) throws {
        if options.json {
            try output.write(ReportDocument(report).rendered())
        } else {
            let terminal = TerminalReport(
                report: report,
                options: .init(
                    width: output.columns, color: options.colored(output), sort: options.sort, limit: options.limit,
                    pid: options.pid, explain: explain))
            try output.write(terminal.rendered())
        }
    }

    private func read(_ path: String) throws -> Report {
        guard let bytes = readWholeFile(path) else {
            throw CommandFailure("reading \(visible(path)): \(ProbeError.name(of: errno))")
        }
        do {
            var report = try Recording.report(from: bytes)
            report.completeWarnings()
            return report
        } catch { throw CommandFailure("\(visible(path)): \(error)") }
    }
}
