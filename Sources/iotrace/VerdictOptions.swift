import ArgumentParser
import Export
import Glibc
import IOModel
import ProbeLoader

/// Where verdicts go.
struct VerdictOptions: ParsableArguments {
    @Flag(help: "Print the JSON document instead of the verdicts for people.")
    var json = false

    @Option(name: .shortAndLong, help: "Write the verdicts to this file.")
    var output: String?

    @Option(help: ArgumentHelp("Write JUnit XML, a test case for each claim.", valueName: "file"))
    var junit: String?

    @Option(
        help: ArgumentHelp(
            "Append a summary in Markdown. In GitHub Actions it goes to the step's summary too.", valueName: "file"))
    var markdown: String?

    @Option(
        help: "Annotations for GitHub Actions, on standard error: auto (when GITHUB_ACTIONS is true), github or off.")
    var annotations: AnnotationMode = .auto

    @Option(help: ArgumentHelp("Keep the recording; with --repeat one for each run, numbered.", valueName: "file"))
    var save: String?

    @Option(help: "Colour: auto (on a terminal, unless NO_COLOR is set), always or never.")
    var color: ReportOptions.ColorMode = .auto

    enum AnnotationMode: String, ExpressibleByArgument, CaseIterable { case auto, github, off }

    /// Opens every file before anything is traced: what cannot be written is known at once, and no file of an earlier run is
    /// taken for this one's.
    func opened(commandOwnsOutput: Bool, policy: String?) throws -> VerdictOutputs {
        VerdictOutputs(
            options: self, policy: policy,
            main: try output.map { try Output(path: $0) } ?? (commandOwnsOutput ? .standardError : .standardOutput),
            junit: try junit.map { try Output(path: $0) },
            markdown: try markdown.map { try Output(appendingTo: $0) })
    }
}

/// The opened outputs of one verification.
struct VerdictOutputs {
    let options: VerdictOptions
    let policy: String?
    let main: Output
    let junit: Output?
    let markdown: Output?

    func write(_ report: VerificationReport) throws {
        // Files first: the terminal may go away.
        try junit?.write(JUnitReport(report).rendered())
        try markdown?.write(VerdictMarkdown(report).rendered())
        if annotates { appendToStepSummary(report) }
        if options.json {
            try main.write(VerdictDocument(report).rendered())
        } else {
            let color = ReportOptions.colored(options.color, main)
            try main.write(VerdictSection(report, width: main.columns, color: color).rendered())
        }
        if annotates { try Output.standardError.write(Annotations(report, policy: policy).rendered()) }
    }

    private var annotates: Bool {
        switch options.annotations {
        case .auto: Self.variable("GITHUB_ACTIONS") == "true"
        case .github: true
        case .off: false
        }
    }

    /// A summary that cannot be written changes no verdict.
    private func appendToStepSummary(_ report: VerificationReport) {
        guard let path = Self.variable("GITHUB_STEP_SUMMARY"), path != options.markdown else { return }
        do { try Output(appendingTo: path).write(VerdictMarkdown(report).rendered()) } catch {
            (error as? CommandFailure)?.printed()
        }
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}
