/// How a piece of text is set off. Meaning never hangs on it alone: without colour the same words are there.
enum Style {
    case plain, bold, dim, red, yellow

    /// SGR parameters (ECMA-48): the sixteen-colour set, which follows the terminal's own theme.
    var code: String? {
        switch self {
        case .plain: nil
        case .bold: "1"
        case .dim: "2"
        case .red: "31"
        case .yellow: "33"
        }
    }
}

/// Text in one style. There is no other way onto the terminal, so nothing gets there unsanitized.
struct TextRun {
    let text: String
    var style: Style

    init(_ text: String, _ style: Style = .plain) {
        self.text = Sanitized(text).text
        self.style = style
    }

    var columns: Int { DisplayWidth.of(text) }
}

/// One line of the report.
struct Line {
    var runs: [TextRun]

    init(_ runs: [TextRun] = []) { self.runs = runs }

    var columns: Int { runs.reduce(0) { $0 + $1.columns } }

    /// UTF-8 with its newline, at most `width` columns and without trailing spaces.
    func encoded(width: Int, color: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        var pending = clipped(to: width).runs[...]
        while let last = pending.last, last.text.utf8.allSatisfy({ $0 == UInt8(ascii: " ") }) { pending.removeLast() }
        for run in pending {
            if color, let code = run.style.code, !run.text.isEmpty {
                bytes += "\u{1B}[\(code)m\(run.text)\u{1B}[0m".utf8
            } else {
                bytes += run.text.utf8
            }
        }
        while bytes.last == UInt8(ascii: " ") { bytes.removeLast() }
        return bytes + [UInt8(ascii: "\n")]
    }

    private func clipped(to width: Int) -> Line {
        guard columns > width else { return self }
        var result: [TextRun] = []
        var left = width
        for run in runs {
            if run.columns > left {
                result.append(TextRun(run.text.cut(to: left), run.style))
                break
            }
            result.append(run)
            left -= run.columns
        }
        return Line(result)
    }
}
