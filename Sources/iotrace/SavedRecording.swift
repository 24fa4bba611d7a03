import IOModel
import Recording

/// A recording that is kept beside a verdict: the same file that `iotrace record` writes.
final class SavedRecording {
    private let file: Output
    private var index: UInt64 = 0

    init(path: String) throws { file = try Output(path: path) }

    /// The name of one run's file, where there are several.
    static func path(_ path: String, run: Int, of runs: Int) -> String {
        guard runs > 1 else { return path }
        let name = path.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "\(path).\(run)" }
        return "\(path.dropLast(name[dot...].count)).\(run)\(name[dot...])"
    }

    var observer: TraceSession.Observer {
        .init(
            began: { [self] tool, window in try file.write(Recording.header(tool: tool, window: window)) },
            interval: { [self] at, processes, losses in
                try file.write(Recording.interval(index: index, at: at, processes: processes, losses: losses))
                index += 1
            })
    }

    func end(_ report: Report) throws {
        // What follows from the figures is found anew by whoever reads the file.
        let own = report.warnings.filter { !["losses", "files_folded", "nothing_traced"].contains($0.code) }
        try file.write(
            Recording.end(window: report.window, losses: report.losses, overhead: report.overhead, warnings: own))
    }
}
