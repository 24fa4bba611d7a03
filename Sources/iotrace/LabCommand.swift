import ArgumentParser
import Export
import Glibc
import IOModel
import TransferLab

struct LabCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab", abstract: "Run known workloads: expected against measured.",
        subcommands: [TransfersCommand.self, ModelsCommand.self])
}

struct TransfersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfers",
        abstract: "Move a file in every way there is, and compare what each costs with what it should.",
        discussion: """
            Each way runs in a process of its own, which is traced between its start and its end. The table has the mode \
            switches, the CPU copies and the DMA of each transfer beside what is expected of it, and its speed and CPU time on \
            this machine. Exit status 1 when a row differs. The code of the transfers is in Sources/TransferLab.
            """)

    @Option(help: "Bytes to move: a multiple of 1 MiB; K, M and G are understood.")
    var size: String = "32M"

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
        let bytes = try parsedSize()
        let output = try self.output.map { try Output(path: $0) } ?? .standardOutput
        let lab = try TransferSession(directory: directory, bytes: bytes)
        let results = try rows.map { try lab.run(name: $0.name, title: $0.title, contradict: contradict) }
        if json {
            try output.write(LabDocument(results, tool: lab.tool).rendered())
        } else {
            let colored = ReportOptions.colored(color, output)
            try output.write(LabTable(results, tool: lab.tool, width: output.columns, color: colored).rendered())
        }
        if results.contains(where: { !$0.differences.isEmpty }) { throw ExitCode(1) }
    }

    private func parsedSize() throws -> UInt64 {
        let units: [Character: UInt64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let unit = size.last.flatMap { units[Character($0.uppercased())] }
        let digits = unit == nil ? size[...] : size.dropLast()
        let (bytes, overflow) = (UInt64(digits) ?? 0).multipliedReportingOverflow(by: unit ?? 1)
        guard !overflow, bytes > 0, bytes % (1 << 20) == 0, bytes <= 1 << 36 else {
            throw CommandFailure("--size \(visible(size)): it must be a multiple of 1M, at most 64G")
        }
        return bytes
    }

    static var rows: [(name: String, title: String)] {
        var count = 0
        guard let rows = transfer_lab_rows(&count) else { return [] }
        return (0..<count).map { (String(cString: rows[$0].name), String(cString: rows[$0].title)) }
    }
}
