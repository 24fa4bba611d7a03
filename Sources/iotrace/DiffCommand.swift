import ArgumentParser
import Collector
import Export
import Glibc
import IOModel
import ProbeLoader
import Recording

struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Compare two recordings or reports: copies, models, switches, blocking.",
        discussion: """
            Each file is a recording of `iotrace record` or a document of `iotrace report --json`. Processes are compared by \
            their names, and figures for each byte or operation, so that the two need not have the same length.

            Exit status: 0; with --fail-on-regression 1 when a figure got worse, and 3 when that cannot be said.
            """)

    @Argument(help: "What it was before.")
    var before: String

    @Argument(help: "What it is now.")
    var after: String

    @Flag(help: "Leave with status 1 when something got worse.")
    var failOnRegression = false

    @Option(help: ArgumentHelp("How much a figure may grow before it counts as worse.", valueName: "percent"))
    var tolerance: String = "10%"

    @Flag(help: "Print the JSON document instead of words.")
    var json = false

    @Option(name: .shortAndLong, help: "Write to this file.")
    var output: String?

    @Option(help: "Colour: auto, always or never.")
    var color: ReportOptions.ColorMode = .auto

    func run() throws {
        let tolerance = try BaselineOptions.tolerance(tolerance)
        let (old, new) = (try Self.side(before), try Self.side(after))
        let output = try self.output.map { try Output(path: $0) } ?? .standardOutput
        var comparison = Comparison(old.profiles, new.profiles, tolerance: tolerance)
        for (name, losses) in [(before, old.losses), (after, new.losses)] where losses > 0 {
            comparison.doubts.append(
                Doubt(code: "losses", message: "\(losses) events were lost while \(visible(name)) was made"))
        }
        let report = DiffReport(comparison, before: before, after: after)
        try output.write(
            json
                ? report.document()
                : report.rendered(width: output.columns, color: ReportOptions.colored(color, output)))
        guard failOnRegression else { return }
        if !comparison.regressions.isEmpty { throw ExitCode(1) }
        if !comparison.doubts.isEmpty { throw ExitCode(3) }
    }

    private static func side(_ path: String) throws -> ReportProfiles.Side {
        guard let bytes = readWholeFile(path) else {
            throw CommandFailure("reading \(visible(path)): \(ProbeError.name(of: errno))")
        }
        do {
            if let side = try ReportProfiles.side(fromReport: bytes) { return side }
            return ReportProfiles.side(of: try Recording.report(from: bytes))
        } catch { throw CommandFailure("\(visible(path)): \(error)") }
    }
}
