internal import IOModel

/// The five models side by side: time goes down, first the wait phase and then the transfer phase of one message.
struct ModelColumns {
    private let columns: [ModelTrial]
    private let width: Int
    private let columnWidth: Int

    private static let labelWidth = 9
    private static let height = 6

    /// Which program stands for a model, if it was run; else the first of that model.
    private static let preferred = ["blocking", "nonblocking", "epoll", "sigio", "io_uring"]
    /// Another one, where there is room: nothing but memory is between it and the kernel.
    private static let second = "io_uring-sqpoll"
    private static let leastWidth = 14

    init(_ trials: [ModelTrial], width: Int) {
        self.width = width
        let measured = trials.filter { $0.measurement != nil && $0.load.map { $0.gaps > 0 } == true }
        var chosen = ModelProgram.Kind.allCases.compactMap { kind in
            let own = measured.filter { $0.program.kind == kind }
            return own.first { Self.preferred.contains($0.name) } ?? own.first
        }
        if let other = measured.first(where: { $0.name == Self.second }), !chosen.contains(other) {
            chosen.append(other)
        }
        chosen = Array(chosen.prefix(max(1, (width - Self.labelWidth) / Self.leastWidth)))
        columns = chosen
        columnWidth = min(20, (width - Self.labelWidth) / max(chosen.count, 1))
    }

    var lines: [Line] {
        guard let load = columns.first?.load, load.messages > 0 else { return [] }
        let longest = columns.map(perMessage).max() ?? 1
        var lines = [
            Line([
                TextRun("the models side by side", .bold),
                TextRun(": one message of \(HumanUnits.bytes(load.bytes / load.messages)), on average", .dim),
            ]),
            Line(),
            row("") { ($0.program.kind?.rawValue ?? "", .bold) },
            row("") { ($0.title, .dim) },
        ]
        for line in 0..<Self.height {
            lines.append(
                row(line == 0 ? "wait" : "") { trial in
                    let share = Double(perMessage(trial)) / Double(max(longest, 1))
                    guard Double(line) < max(1, (share * Double(Self.height)).rounded()) else { return ("", .plain) }
                    return (CallerBar.of(trial.caller!, columns: columnWidth - 2), .plain)
                })
        }
        lines.append(row("") { (HumanUnits.time(waiting($0)), .bold) })
        lines.append(row("") { (state($0), .plain) })
        lines.append(row("") { (place($0), .plain) })
        lines.append(separator)
        lines.append(
            row("transfer") { trial in
                trial.transfer == nil
                    ? (HumanUnits.unknown, .dim) : (String(repeating: "▒", count: columnWidth - 2), .plain)
            })
        lines.append(
            row("") { trial in
                guard let load = trial.load, let transfer = trial.transfer else { return ("not known:", .dim) }
                return (HumanUnits.time(transfer / max(load.messages, 1)) + " in", .bold)
            })
        lines.append(row("") { (mover($0), .plain) })
        lines.append(Line())
        lines.append(
            row("blocked") { trial in
                let share = trial.caller.flatMap { HumanUnits.percent($0.asleep, of: $0.whole) }
                return (share ?? HumanUnits.unknown, .bold)
            })
        lines.append(
            row("CPU used") { trial in
                guard let measured = trial.measurement else { return ("", .plain) }
                return (
                    HumanUnits.percent(measured.onCPU, of: measured.nanoseconds) ?? HumanUnits.unknown, .plain
                )
            })
        return lines
    }

    /// Between the phases.
    private var separator: Line {
        let words = "── the data is there "
        let rest = min(width, Self.labelWidth + columnWidth * columns.count) - words.count
        return Line([TextRun(words + String(repeating: "─", count: max(0, rest)), .dim)])
    }

    /// Where the data is moved.
    private func mover(_ trial: ModelTrial) -> String {
        guard let calls = trial.program.transferCalls else { return "by the kernel" }
        return (calls.first ?? "") + (trial.program.hasHelpers ? ", a helper" : "")
    }

    private func row(_ label: String, _ cell: (ModelTrial) -> (String, Style)) -> Line {
        func padded(_ text: String, _ columns: Int, gap: Int = 1) -> String {
            let text = text.shortenedInMiddle(to: columns - gap)
            return text + String(repeating: " ", count: max(0, columns - DisplayWidth.of(text)))
        }
        return Line(
            [TextRun(padded(label, Self.labelWidth), .dim)]
                + columns.enumerated().map { index, trial in
                    let (text, style) = cell(trial)
                    return TextRun(padded(text, columnWidth, gap: index == columns.count - 1 ? 0 : 1), style)
                })
    }

    private func perMessage(_ trial: ModelTrial) -> UInt64 {
        (trial.measurement?.nanoseconds ?? 0) / max(trial.load?.messages ?? 1, 1)
    }

    /// Until the data is there; where the transfer is not known by itself, it is in here.
    private func waiting(_ trial: ModelTrial) -> UInt64 {
        let transfer = (trial.transfer ?? 0) / max(trial.load?.messages ?? 1, 1)
        return max(perMessage(trial), transfer) - transfer
    }

    /// What the caller does most of the time.
    private func state(_ trial: ModelTrial) -> String {
        guard let caller = trial.caller, let busy = caller.busy, let free = caller.free else {
            return HumanUnits.unknown
        }
        if caller.asleep >= max(busy, free) { return "asleep in" }
        return trial.program.kind == .nonblocking ? "asks again:" : "free, in"
    }

    private func place(_ trial: ModelTrial) -> String {
        guard let measured = trial.measurement, let caller = trial.caller else { return "" }
        if trial.program.kind == .nonblocking { return "\(HumanUnits.count(measured.again)) EAGAIN" }
        let blocks = caller.asleep > caller.whole / 2
        let names = blocks ? trial.program.waitCalls : Array(measured.calls.keys)
        let name = names.max { measured.asleep(in: [$0]) < measured.asleep(in: [$1]) } ?? ""
        return name
    }
}
