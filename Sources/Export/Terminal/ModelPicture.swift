public import IOModel

/// The outcome of `iotrace lab models` for a person: a line for each program, and the models side by side as textbooks draw
/// them, from measured times.
public struct ModelPicture {
    private let trials: [ModelTrial]
    private let tool: Tool
    private let width: Int
    private let color: Bool

    public init(_ trials: [ModelTrial], tool: Tool, width: Int, color: Bool) {
        self.trials = trials
        self.tool = tool
        self.width = min(max(width, 40), 400)
        self.color = color
    }

    /// UTF-8 lines, none wider than the width.
    public func rendered() -> [UInt8] { lines.flatMap { $0.encoded(width: width, color: color) } }

    private var lines: [Line] {
        var lines = [
            Line([
                TextRun("iotrace lab models", .bold),
                TextRun(" · kernel \(tool.kernel.shortened(to: 30)) · tier \(tool.tier.shortened(to: 20))", .dim),
            ])
        ]
        lines += introduction + [Line()] + table.lines(width: width)
        let notes = trials.flatMap(notes)
        if !notes.isEmpty { lines += [Line()] + notes }
        let picture = ModelColumns(trials, width: width).lines
        if !picture.isEmpty { lines += [Line()] + picture }
        return lines + [Line()] + legend(withPicture: !picture.isEmpty) + [summary]
    }

    /// What was sent to the programs.
    private var introduction: [Line] {
        guard let load = trials.compactMap(\.load).first(where: { $0.gaps > 0 && $0.messages > 0 }) else { return [] }
        return Paragraph.lines(
            """
            Each program receives \(load.messages) messages of \(HumanUnits.bytes(load.bytes / load.messages)), which a peer \
            sends \(HumanUnits.time(load.gaps / load.messages)) apart.
            """, lead: TextRun(""), style: .plain, width: width)
    }

    // MARK: the table

    private var table: Table {
        var table = Table(columns: [
            .init(title: "", alignment: .left), .init(title: "program", alignment: .left, shrinksTo: 16),
            .init(title: "measured model", alignment: .left), .init(title: "asleep", rank: 2),
            .init(title: "busy", rank: 1), .init(title: "free", rank: 1), .init(title: "EAGAIN", rank: 0),
            .init(title: "transfer", rank: 3), .init(title: "caller", alignment: .left),
        ])
        table.rows = trials.map(row)
        return table
    }

    private func row(_ trial: ModelTrial) -> [TextRun] {
        let style: Style = mark(trial) == "✗" ? .red : .plain
        let title = TextRun(trial.title, style)
        guard let measured = trial.measurement, let caller = trial.caller else {
            return [TextRun(mark(trial), .yellow), title]
                + (0..<7).map { TextRun($0 == 0 ? HumanUnits.unknown : "", .dim) }
        }
        return [
            TextRun(mark(trial), style), title,
            TextRun(models(measured), style),
            TextRun(share(caller.asleep, caller)), TextRun(share(caller.busy, caller)),
            TextRun(share(caller.free, caller)), TextRun(HumanUnits.count(measured.again), .dim),
            TextRun(trial.transfer.map(HumanUnits.time) ?? HumanUnits.unknown),
            TextRun(CallerBar.of(caller, columns: width < 100 ? 10 : 20)),
        ]
    }

    /// The tags, with their sub-models.
    private func models(_ measured: ModelMeasurement) -> String {
        let words = measured.tags.map { tag in
            let subs = measured.models.filter { $0.model == tag }.compactMap(\.subModel)
            return subs.isEmpty ? tag : "\(tag) (\(subs.joined(separator: ", ")))"
        }
        return words.isEmpty ? HumanUnits.unknown : words.joined(separator: ", ")
    }

    private func share(_ time: UInt64?, _ caller: CallerTime) -> String {
        time.flatMap { HumanUnits.percent($0, of: caller.whole) } ?? HumanUnits.unknown
    }

    private func mark(_ trial: ModelTrial) -> String {
        switch trial.outcome {
        case .notRun: "–"
        case .failed: "✗"
        case .judged: trial.differences.isEmpty ? "✓" : "✗"
        }
    }

    private func notes(_ trial: ModelTrial) -> [Line] {
        let lead = TextRun("  \(trial.name): ", .dim)
        if case .notRun(let why) = trial.outcome {
            return Paragraph.lines("not run: \(why)", lead: lead, style: .yellow, width: width)
        }
        return trial.differences.flatMap { Paragraph.lines($0, lead: lead, style: .red, width: width) }
    }

    // MARK: below

    private func legend(withPicture: Bool) -> [Line] {
        var signs = [
            ("█", "asleep in a call that waits for I/O"), ("▒", "on a CPU in I/O calls"),
            ("-", "in the run queue in I/O calls"), ("·", "in no I/O call: free for other work"),
            ("transfer", "CPU time in the calls that move the data; – where it cannot be told from others'"),
        ]
        if withPicture {
            signs.append(("CPU used", "by all threads, the kernel's for this program included; 100% is one CPU"))
        }
        return signs.flatMap { sign, meaning in
            Paragraph.lines(
                meaning, lead: TextRun("  \(sign)" + String(repeating: " ", count: 10 - sign.count)), style: .dim,
                width: width)
        }
    }

    private var summary: Line {
        let different = trials.filter { mark($0) == "✗" }.count
        let expected = trials.filter { mark($0) == "✓" }.count
        let others = trials.count - different - expected
        return Line([
            TextRun("\(expected) as expected", different == 0 ? .bold : .plain), TextRun(" · ", .dim),
            TextRun("\(different) different", different > 0 ? .red : .dim), TextRun(" · ", .dim),
            TextRun("\(others) not run", others > 0 ? .yellow : .dim),
        ])
    }
}

/// The caller's time as a row of blocks.
enum CallerBar {
    /// Empty when it is not known. Each state that there is more than half a column of can be seen.
    static func of(_ caller: CallerTime, columns: Int) -> String {
        guard let busy = caller.busy, caller.whole > 0 else { return HumanUnits.unknown }
        // Ends of the parts, rounded, so that they add up.
        var ends: [Int] = []
        var sum: UInt64 = 0
        for part in [caller.asleep, busy, caller.runQueue] {
            sum = min(sum &+ part, caller.whole)
            ends.append(Int((Double(sum) / Double(caller.whole) * Double(columns)).rounded()))
        }
        return String(repeating: "█", count: ends[0]) + String(repeating: "▒", count: ends[1] - ends[0])
            + String(repeating: "-", count: ends[2] - ends[1]) + String(repeating: "·", count: columns - ends[2])
    }
}
