import ArgumentParser
import Export
import IOModel

/// What a lab can run: a name for the command line, and a title for people.
typealias LabRow = (name: String, title: String)

/// The options that all labs have, and what they have in common from there on.
struct LabOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Run this row only; can be given again.", valueName: "name"))
    var only: [String] = []

    @Option(help: "Where files are made: on a disk, for direct I/O.")
    var directory: String = "/var/tmp"

    @Flag(help: "Print the JSON document instead of the table.")
    var json = false

    @Flag(help: "List the rows.")
    var list = false

    @Option(name: .shortAndLong, help: "Write to this file.")
    var output: String?

    @Option(help: "Colour: auto, always or never.")
    var color: ReportOptions.ColorMode = .auto

    /// For tests: claims the contrary of every expectation, so that every row must differ.
    @Flag(help: .hidden)
    var contradict = false

    /// The rows that were asked for, or all. nil: they were to be listed, and have been.
    func chosen(of rows: [LabRow]) throws -> [LabRow]? {
        if list {
            let lines = rows.map { "\($0.name)  \($0.title)\n" }.joined()
            try Output.standardOutput.write(Array(lines.utf8))
            return nil
        }
        for name in only where !rows.contains(where: { $0.name == name }) {
            throw CommandFailure("--only \(visible(name)): there is no such row; --list shows them")
        }
        return only.isEmpty ? rows : rows.filter { only.contains($0.name) }
    }

    /// Where the results go: opened before anything runs.
    func opened() throws -> Output { try output.map { try Output(path: $0) } ?? .standardOutput }
}
