import IOModel
import Testing

@testable import Export

@Suite struct VerdictTests {
    @Test func xmlHasNoCharacterThatItMayNotHave() {
        #expect(XML.escaped("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&apos;")
        #expect(XML.escaped("1\n2\t3\r") == "1&#10;2&#9;3&#13;")
        #expect(XML.escaped("\u{0}\u{1B}[31m\u{FFFE}\u{85}é😀") == "\u{FFFD}\u{FFFD}[31m\u{FFFD}\u{FFFD}é😀")
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00"), (951_782_399, "2000-02-28T23:59:59"), (951_782_400, "2000-02-29T00:00:00"),
            (1_709_251_199, "2024-02-29T23:59:59"), (4_107_542_400, "2100-03-01T00:00:00"),
            (1_795_993_548, "2026-11-29T23:05:48"),
        ] as [(UInt64, String)])
    func timesAreOfTheCalendar(seconds: UInt64, text: String) {
        #expect(CalendarTime(unixSeconds: seconds).text == text)
    }

    @Test func aSkippedVerificationIsNoPass() throws {
        var report = VerificationReport(
            tool: Tool(kernel: "6"), verdict: Verification([Claim(.noHiddenCopies)]).verdict(), exitStatus: 0,
            unsupported: "no privilege")
        let failed = String(decoding: JUnitReport(report).rendered(), as: UTF8.self)
        #expect(failed.contains("errors=\"1\"") && failed.contains("<error message=\"no privilege\""))
        report.isSkipped = true
        let skipped = String(decoding: JUnitReport(report).rendered(), as: UTF8.self)
        #expect(skipped.contains("skipped=\"1\"") && skipped.contains("<skipped message=\"no privilege\""))
        #expect(skipped.contains("errors=\"0\"") && !skipped.contains("<error "))
    }
}
