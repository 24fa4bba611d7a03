import ArgumentParser
import Export
import Glibc
import IOModel
import ModelLab

struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "Wait for data in every way there is, and compare what each turns out to be with what it should.",
        discussion: """
            Each I/O model is a small program, which receives messages that a peer sends with gaps between them. It runs \
            in a process of its own and is traced between its start and its end. The table has its model as it was \
            measured, and what the caller did meanwhile; below it are the models side by side. Exit status 1 when a row \
            differs from what is expected. The code of the programs is in Sources/ModelLab.
            """)

    @Option(help: "Messages for each program: a multiple of 8.")
    var messages: UInt64 = 16

    @Option(help: ArgumentHelp("Milliseconds before each message.", valueName: "ms"))
    var gap: UInt64 = 5

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

    func run() throws {
        var rows = Self.rows
        if list {
            let lines = rows.map { "\($0.name)  \($0.title)\n" }.joined()
            return try Output.standardOutput.write(Array(lines.utf8))
        }
        for name in only where !rows.contains(where: { $0.name == name }) {
            throw CommandFailure("--only \(visible(name)): there is no such row; --list shows them")
        }
        if !only.isEmpty { rows.removeAll { !only.contains($0.name) } }
        guard messages > 0, messages % 8 == 0, messages <= 8000 else {
            throw CommandFailure("--messages \(messages): it must be a multiple of 8, at most 8000")
        }
        guard (1...1000).contains(gap) else {
            throw CommandFailure("--gap \(gap): it must be a number of milliseconds from 1 to 1000")
        }
        let output = try self.output.map { try Output(path: $0) } ?? .standardOutput
        let lab = try ModelSession(directory: directory, messages: messages, gap: gap * 1_000_000)
        let trials = try rows.map { try lab.run(name: $0.name, title: $0.title, contradict: contradict) }
        if json {
            try output.write(ModelLabDocument(trials, tool: lab.tool).rendered())
        } else {
            let colored = ReportOptions.colored(color, output)
            try output.write(ModelPicture(trials, tool: lab.tool, width: output.columns, color: colored).rendered())
        }
        if trials.contains(where: { !$0.differences.isEmpty }) { throw ExitCode(1) }
    }

    static var rows: [(name: String, title: String)] {
        var count = 0
        guard let rows = model_lab_rows(&count) else { return [] }
        return (0..<count).map { (String(cString: rows[$0].name), String(cString: rows[$0].title)) }
    }
}
