internal import IOModel

/// The fds with the most traffic.
struct FileTable {
    let process: ProcessFigures
    let width: Int

    var lines: [Line] {
        guard !process.files.isEmpty else { return [] }
        let rows = Rows(ranked, limit: RowLimit.table(width: width))
        var table = Table(columns: [
            Table.Column(title: "fd"), Table.Column(title: "type", alignment: .left, rank: 2),
            Table.Column(title: "fl", alignment: .left, rank: 1), Table.Column(title: "in"), Table.Column(title: "out"),
            Table.Column(title: "ops", rank: 3), Table.Column(title: "blocked", rank: 4),
            Table.Column(title: "file or socket", alignment: .left, shrinksTo: 20),
        ])
        for file in rows.shown { table.rows.append(row(file)) }
        if !rows.rest.isEmpty { table.rows.append(sum(of: rows.rest)) }
        return table.lines(width: width)
    }

    /// Bytes and operations, and waiting by the microsecond: a listener without a byte may be the one that matters.
    private var ranked: [FileFigures] {
        process.files.map { id, file in
            (id: id, file: file, rank: file.bytesIn &+ file.bytesOut &+ file.operations &+ file.blocked / 1000)
        }
        .sorted { $0.rank != $1.rank ? $0.rank > $1.rank : $0.id < $1.id }
        .map(\.file)
    }

    private func row(_ file: FileFigures) -> [TextRun] {
        let identity = file.identity
        let many = file.opens > 1 ? " ×\(HumanUnits.count(file.opens))" : ""
        return figures(
            file, fd: identity.fd < 0 ? HumanUnits.unknown : "\(identity.fd)", type: identity.type.rawValue,
            flags: (identity.nonblocking ? "N" : "") + (identity.inEpoll ? "E" : ""), name: identity.name + many,
            style: .plain)
    }

    private func sum(of files: [FileFigures]) -> [TextRun] {
        let sum = files.reduce(into: FileFigures(identity: FileIdentity(fd: -1, type: .unknown))) { $0 += $1 }
        let opens = files.reduce(0) { $0 &+ $1.opens }
        return figures(sum, fd: "", type: "", flags: "", name: "… and \(HumanUnits.count(opens)) more", style: .dim)
    }

    private func figures(
        _ file: FileFigures, fd: String, type: String, flags: String, name: String, style: Style
    ) -> [TextRun] {
        func figure(_ text: String, _ value: UInt64) -> TextRun { TextRun(text, value > 0 ? style : .dim) }
        return [
            TextRun(fd, style), TextRun(type, .dim), TextRun(flags, style),
            figure(HumanUnits.bytes(file.bytesIn), file.bytesIn),
            figure(HumanUnits.bytes(file.bytesOut), file.bytesOut),
            figure(HumanUnits.count(file.operations), file.operations),
            figure(HumanUnits.time(file.blocked), file.blocked), TextRun(name, style),
        ]
    }
}
