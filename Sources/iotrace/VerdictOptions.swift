import ArgumentParser
import Export
import Glibc
import IOModel

/// Where verdicts go.
struct VerdictOptions: ParsableArguments {
    @Flag(help: "Print the JSON document instead of the verdicts for people.")
    var json = false

    @Option(name: .shortAndLong, help: "Write the verdicts to this file.")
    var output: String?

    @Option(help: ArgumentHelp("Write JUnit XML, a test case for each claim.", valueName: "file"))
    var junit: String?

    @Option(help: "Colour: auto (on a terminal, unless NO_COLOR is set), always or never.")
    var color: ReportOptions.ColorMode = .auto

    /// Opens every file before anything is traced: what cannot be written is known at once, and no file of an earlier run is
    /// taken for this one's.
    func opened(commandOwnsOutput: Bool) throws -> VerdictOutputs {
        VerdictOutputs(
            options: self,
            main: try output.map { try Output(path: $0) } ?? (commandOwnsOutput ? .standardError : .standardOutput),
            junit: try junit.map { try Output(path: $0) })
    }
}

/// The opened outputs of one verification.
struct VerdictOutputs {
    let options: VerdictOptions
    let main: Output
    let junit: Output?

    func write(_ report: VerificationReport) throws {
        // Files first: the terminal may go away.
        try junit?.write(JUnitReport(report).rendered())
        if options.json {
            try main.write(VerdictDocument(report).rendered())
        } else {
            let color = ReportOptions.colored(options.color, main)
            try main.write(VerdictSection(report, width: main.columns, color: color).rendered())
        }
    }
}
