public import IOModel

/// The report for a person at a terminal: what tells most first, the rest added up, nothing left out silently.
public struct TerminalReport {
    private let report: Report
    private let options: Options

    public init(report: Report, options: Options = Options()) {
        self.report = report
        self.options = options
    }

    /// UTF-8 lines, none wider than the width. The only control characters are newlines and, with colour, SGR sequences.
    public func rendered() -> [UInt8] {
        lines.flatMap { $0.encoded(width: options.columns, color: options.color) }
    }

    private var lines: [Line] {
        let selection = ProcessSelection(report.processes, options: options)
        var lines = ReportHeader(report: report, width: options.columns).lines
        for process in selection.shown {
            lines.append(Line())
            lines += ProcessSection(process: process, width: options.columns, explain: options.explain).lines
        }
        let rest = selection.restLines(width: options.columns)
        if !rest.isEmpty { lines += [Line()] + rest }
        guard options.explain == nil else { return lines }  // which has no signs
        let legend = Legend(of: selection.shown).lines(width: options.columns)
        if !legend.isEmpty { lines += [Line()] + legend }
        return lines
    }
}

extension TerminalReport {
    public struct Options: Sendable {
        /// Columns of the terminal; used from 40 to 400.
        public var width: Int
        public var color: Bool
        public var sort: SortKey
        /// Processes shown one by one; the others are added up in a line.
        public var limit: Int
        /// Show this process alone.
        public var pid: UInt32?
        /// Say how the models were decided, instead of the figures.
        public var explain: ExplainSubject?

        public init(
            width: Int = 80, color: Bool = false, sort: SortKey = .cost, limit: Int = 10, pid: UInt32? = nil,
            explain: ExplainSubject? = nil
        ) {
            self.width = width
            self.color = color
            self.sort = sort
            self.limit = limit
            self.pid = pid
            self.explain = explain
        }

        var columns: Int { min(max(width, 40), 400) }
    }
}
