internal import IOModel

/// One process: who it is, what it did, where its time went, what was copied, which calls and which files.
struct ProcessSection {
    let process: ProcessFigures
    let width: Int
    /// Instead of the figures: how the models were decided.
    var explain: ExplainSubject?

    var lines: [Line] {
        var lines = title + [command]
        if let explain {
            let explanation = Explanation(of: process, subject: explain)
            return lines + ExplainSection(explanation: explanation, width: width).lines
        }
        lines += figures + time
        let tables = [
            ModelSection(process: process, width: width).lines,
            CopySection(process: process, width: width).lines,
            BlockingSection(totals: process.totals, width: width).lines,
            SyscallTable(process: process, width: width).lines,
            FileTable(process: process, width: width).lines,
        ]
        for table in tables where !table.isEmpty { lines += [Line()] + table }
        return lines
    }

    private var title: [Line] {
        let identity = process.identity
        return Flow(
            items: [
                [TextRun(identity.comm.shortened(to: 32), .bold), TextRun("  pid ", .dim), TextRun("\(identity.pid)")],
                Figure.item("parent", "\(identity.ppid)"),
                [TextRun(HumanUnits.plural(process.threads, "thread", "threads"))],
                [state],
            ]
        ).lines(width: width)
    }

    private var state: TextRun {
        let identity = process.identity
        guard identity.exited || identity.exitStatus != nil else { return TextRun("running") }
        guard let status = identity.exitStatus else { return TextRun("exited \(HumanUnits.unknown)") }
        let signal = (129...192).contains(status) ? " (signal \(status - 128))" : ""
        return TextRun("exited \(status)\(signal)", status == 0 ? .plain : .yellow)
    }

    private var command: Line {
        var text = process.identity.command.map(CommandLine.quoted) ?? HumanUnits.unknown
        if process.identity.commandTruncated { text += " …" }
        return Line([TextRun("  "), TextRun(text.shortened(to: width - 2), .dim)])
    }

    private var figures: [Line] {
        let totals = process.totals
        let errors = process.errorCount
        return Flow(
            items: [
                Figure.item("syscalls", HumanUnits.count(process.callCount)),
                Figure.item("errors", HumanUnits.count(errors), errors > 0 ? .yellow : .plain),
                Figure.item("mode switches", HumanUnits.count(process.modeSwitches)),
                Figure.item(
                    "ctx switches",
                    "\(HumanUnits.count(totals.voluntary)) vol, \(HumanUnits.count(totals.involuntary)) invol"),
                Figure.item("in", HumanUnits.bytes(process.bytesIn)),
                Figure.item("out", HumanUnits.bytes(process.bytesOut)),
            ], indent: 2, hanging: 4
        ).lines(width: width)
    }

    private var time: [Line] {
        let totals = process.totals
        func part(_ name: String, _ nanoseconds: UInt64) -> Flow.Item {
            share(Figure.item(name, HumanUnits.time(nanoseconds)), Double(nanoseconds))
        }
        func share(_ item: Flow.Item, _ nanoseconds: Double) -> Flow.Item {
            guard let percent = HumanUnits.percent(nanoseconds, of: Double(totals.observed)) else { return item }
            return item + [TextRun(" \(percent)", .dim)]
        }
        return Flow(
            items: [
                Figure.item("observed", HumanUnits.time(totals.observed)),
                part("on CPU", totals.onCPU), part("blocked", totals.blocked), part("run queue", totals.runQueue),
                share(Figure.item("residual", HumanUnits.time(signed: totals.residual)), Double(totals.residual)),
            ], indent: 2, hanging: 4
        ).lines(width: width)
    }
}

/// Arguments as a shell would take them back, as far as a line for reading needs it.
enum CommandLine {
    static func quoted(_ arguments: [String]) -> String {
        arguments.map { argument in
            let isPlain = !argument.isEmpty && !argument.contains { $0 == " " || $0 == "'" || $0 == "\"" }
            return isPlain
                ? argument
                : "'"
                    + argument.split(separator: "'", omittingEmptySubsequences: false)
                    .joined(separator: "'\\''") + "'"
        }.joined(separator: " ")
    }
}
