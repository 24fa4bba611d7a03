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

    @OptionGroup var options: LabOptions

    func run() throws {
        guard let rows = try options.chosen(of: Self.rows) else { return }
        guard messages > 0, messages % 8 == 0, messages <= 8000 else {
            throw CommandFailure("--messages \(messages): it must be a multiple of 8, at most 8000")
        }
        guard (1...1000).contains(gap) else {
            throw CommandFailure("--gap \(gap): it must be a number of milliseconds from 1 to 1000")
        }
        let output = try options.opened()
        let lab = try ModelSession(directory: options.directory, messages: messages, gap: gap * 1_000_000)
        let trials = try rows.map { try lab.run(name: $0.name, title: $0.title, contradict: options.contradict) }
        if options.json {
            try output.write(ModelLabDocument(trials, tool: lab.tool).rendered())
        } else {
            let colored = ReportOptions.colored(options.color, output)
            try output.write(ModelPicture(trials, tool: lab.tool, width: output.columns, color: colored).rendered())
        }
        if trials.contains(where: { !$0.differences.isEmpty }) { throw ExitCode(1) }
    }

    static var rows: [LabRow] {
        var count = 0
        guard let rows = model_lab_rows(&count) else { return [] }
        return (0..<count).map { (String(cString: rows[$0].name), String(cString: rows[$0].title)) }
    }
}
