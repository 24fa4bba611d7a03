internal import IOModel

/// Requests that complete later, in the terminal report: a line for each of the commonest opcodes and commands, and the time
/// of io_uring's own threads.
struct RequestLines {
    private let process: ProcessFigures

    init(_ process: ProcessFigures) { self.process = process }

    var lines: [Line] {
        let uring = Self.commonest(process.uring).map { opcode, sum in
            Self.line("io_uring \(Operation.uringName(opcode))", sum, Self.ways(sum.figures))
        }
        let aio = Self.commonest(process.aio).map { command, sum in
            Self.line("aio \(Operation.aioName(command))", sum, "")
        }
        return uring + aio + threads
    }

    private static func commonest(_ sums: [UInt32: RequestSum]) -> [(key: UInt32, value: RequestSum)] {
        sums.sorted { ($1.value.figures.completed, $0.key) < ($0.value.figures.completed, $1.key) }.prefix(4).map { $0 }
    }

    private static func line(_ name: String, _ sum: RequestSum, _ ways: String) -> Line {
        let figures = sum.figures
        var text = "\(HumanUnits.count(figures.completed)) completed, \(HumanUnits.bytes(figures.bytes))" + ways
        if let half = sum.latency.percentile(0.5), let most = sum.latency.percentile(0.99) {
            text += "; p50 \(HumanUnits.time(half)), p99 \(HumanUnits.time(most))"
        }
        if figures.linked > 0 { text += "; \(HumanUnits.count(figures.linked)) linked" }
        if figures.notifications > 0 { text += "; \(HumanUnits.count(figures.notifications)) notifications" }
        if figures.multishot > 0 { text += "; \(HumanUnits.count(figures.multishot)) further results" }
        if figures.errors > 0 { text += "; \(HumanUnits.count(figures.errors)) errors" }
        if figures.cancelled > 0 { text += ", \(HumanUnits.count(figures.cancelled)) of them cancelled" }
        return Line([TextRun("    \(name): ", .dim), TextRun(text)])
    }

    private static func ways(_ figures: RequestFigures) -> String {
        "; \(HumanUnits.count(figures.inline)) inline, \(HumanUnits.count(figures.pollArmed)) poll-armed"
            + ", \(HumanUnits.count(figures.punted)) punted to a worker"
    }

    private var threads: [Line] {
        let totals = process.totals
        guard totals.workerOnCPU > 0 || totals.submissionPollOnCPU > 0 else { return [] }
        var parts: [String] = []
        if totals.workerOnCPU > 0 { parts.append("workers \(HumanUnits.time(totals.workerOnCPU))") }
        if totals.submissionPollOnCPU > 0 {
            parts.append("polling of the submission queue \(HumanUnits.time(totals.submissionPollOnCPU))")
        }
        return [
            Line([
                TextRun("    io_uring's own threads: ", .dim),
                TextRun(parts.joined(separator: ", ") + " of the process's time on a CPU"),
            ])
        ]
    }
}
