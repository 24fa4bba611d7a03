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

    @OptionGroup var options: LabOptions

    func run() throws {
        guard let rows = try options.chosen(of: Self.rows) else { return }
        let bytes = try parsedSize()
        let output = try options.opened()
        let lab = try TransferSession(directory: options.directory, bytes: bytes)
        let results = try rows.map { try lab.run(name: $0.name, title: $0.title, contradict: options.contradict) }
        if options.json {
            try output.write(LabDocument(results, tool: lab.tool).rendered())
        } else {
            let colored = ReportOptions.colored(options.color, output)
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

    static var rows: [LabRow] {
        var count = 0
        guard let rows = transfer_lab_rows(&count) else { return [] }
        return (0..<count).map { (String(cString: rows[$0].name), String(cString: rows[$0].title)) }
    }
}
