public import IOModel

/// A verification as JUnit XML: a test case for each claim, a failure for a broken one, an error for one that could not be
/// judged, so that no CI system takes it for a pass.
public struct JUnitReport {
    private let report: VerificationReport

    public init(_ report: VerificationReport) { self.report = report }

    public func rendered() -> [UInt8] {
        var out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        root.write(to: &out)
        return Array(out.utf8)
    }

    private var seconds: String {
        let nanoseconds = report.runs.reduce(0) { $0 &+ $1.window.duration }
        let milliseconds = String(nanoseconds / 1_000_000 % 1000)
        return "\(nanoseconds / 1_000_000_000).\(String(repeating: "0", count: 3 - milliseconds.count))\(milliseconds)"
    }

    private var root: XMLElement {
        let verdict = report.verdict
        let claims = verdict.claims.count
        let isUnjudged = report.unsupported != nil
        let counts = [
            ("tests", claims), ("failures", isUnjudged ? 0 : verdict.count(.fail)),
            ("errors", report.isSkipped ? 0 : isUnjudged ? claims : verdict.count(.inconclusive)),
            ("skipped", report.isSkipped ? claims : 0),
        ].map { (name: $0.0, value: "\($0.1)") }
        let started = (report.runs.first?.window.startedUnixNanoseconds ?? 0) / 1_000_000_000
        var properties: [(String, String)] = [
            ("verdict", report.outcomeKey), ("exit_status", "\(report.exitStatus)"),
            ("iotrace", report.tool.version), ("kernel", report.tool.kernel), ("runs", "\(report.runs.count)"),
        ]
        if !report.command.isEmpty { properties.append(("command", report.command.joined(separator: " "))) }
        if let status = report.commandFailure { properties.append(("command_status", "\(status)")) }
        let suite = XMLElement(
            name: "testsuite",
            attributes: [("name", "iotrace verify")] + counts + [
                ("time", seconds), ("timestamp", CalendarTime(unixSeconds: started).text), ("hostname", "localhost"),
            ],
            children: [
                XMLElement(
                    name: "properties",
                    children: properties.map {
                        XMLElement(name: "property", attributes: [("name", $0.0), ("value", $0.1)])
                    })
            ] + verdict.claims.map(testCase) + [
                XMLElement(name: "system-out", text: ""), XMLElement(name: "system-err", text: commandWords),
            ])
        return XMLElement(
            name: "testsuites",
            attributes: [("name", "iotrace verify")] + counts.filter { $0.name != "skipped" } + [
                ("time", seconds)
            ], children: [suite])
    }

    private var commandWords: String {
        report.commandFailure.map { "the command \(VerificationReport.words(commandStatus: $0))" } ?? ""
    }

    private func testCase(_ verdict: ClaimVerdict) -> XMLElement {
        let words = VerdictWords(verdict)
        let kind = verdict.claim.kind.key
        var children: [XMLElement] = []
        if let why = report.unsupported {
            children = [
                report.isSkipped
                    ? XMLElement(name: "skipped", attributes: [("message", why)])
                    : XMLElement(
                        name: "error", attributes: [("message", why), ("type", "unsupported")], text: why)
            ]
        } else {
            switch verdict.outcome {
            case .pass: break
            case .fail, .inconclusive:
                children = [
                    XMLElement(
                        name: verdict.outcome == .fail ? "failure" : "error",
                        attributes: [
                            ("message", words.sentence), ("type", verdict.outcome == .fail ? kind : "inconclusive"),
                        ],
                        text: words.detail.joined(separator: "\n"))
                ]
            }
        }
        return XMLElement(
            name: "testcase",
            attributes: [("name", verdict.claim.name), ("classname", "iotrace.\(kind)"), ("time", seconds)],
            children: children)
    }
}

/// A point in time as ISO 8601 has it, in UTC. The days are counted by the proleptic Gregorian calendar.
struct CalendarTime {
    let text: String

    init(unixSeconds: UInt64) {
        let (days, second) = (Int(unixSeconds / 86400), Int(unixSeconds % 86400))
        // Years that begin in March, so that the leap day is the last one; eras of 400 years.
        let shifted = days + 719_468
        let (era, day) = (shifted / 146_097, shifted % 146_097)
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let calendarMonth = month < 10 ? month + 3 : month - 9
        let calendarYear = year + era * 400 + (calendarMonth <= 2 ? 1 : 0)
        let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
        text =
            "\(calendarYear)-\(two(calendarMonth))-\(two(dayOfMonth))T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
    }
}
