import Testing

@testable import IOModel

@Suite struct LimitsTests {
    @Test(
        arguments: [
            ("0", 0), ("4096", 4096), ("4K", 4096), ("4k", 4096), ("1.5M", 1_572_864), ("2GiB", 2 << 30), ("10B", 10),
            ("9223372036854775807", UInt64(Int64.max)),
        ] as [(String, UInt64)])
    func bytesAreRead(text: String, value: UInt64) throws { #expect(try Limits.bytes(text) == value) }

    @Test(arguments: [
        "", "K", "-1", "4Q", "1e3", "0x10", "nan", "inf", "1..2", "1.", ".5", "4 K", "99999999999T", "+4", "٤",
    ])
    func otherBytesAreRefused(text: String) { #expect(throws: LimitError.self) { try Limits.bytes(text) } }

    @Test(
        arguments: [
            ("0", 0), ("50ns", 50), ("200us", 200_000), ("200µs", 200_000), ("10ms", 10_000_000),
            ("1.5s", 1_500_000_000),
            ("2min", 120_000_000_000),
        ] as [(String, UInt64)])
    func timesAreRead(text: String, value: UInt64) throws { #expect(try Limits.time(text) == value) }

    @Test(arguments: ["", "10", "s", "-1s", "1h", "1e3s", "nans", "9999999999999s"])
    func otherTimesAreRefused(text: String) { #expect(throws: LimitError.self) { try Limits.time(text) } }

    @Test func sharesAreFractionsOrPercents() throws {
        #expect(try Limits.share("0.95") == 0.95)
        #expect(try Limits.share("95%") == 0.95)
        #expect(try Limits.share("100%") == 1 && Limits.share("1") == 1)
        for text in ["1.1", "101%", "-1%", "", "%", "x"] {
            #expect(throws: LimitError.self) { try Limits.share(text) }
        }
    }

    @Test func claimsWithTwoPartsAreRead() throws {
        #expect(try Limits.model("multiplexed") == .model(.multiplexed, atLeast: nil))
        #expect(try Limits.model("zero-copy:0.9") == .model(.zeroCopy, atLeast: 0.9))
        #expect(try Limits.blocked("socket_recv:1ms") == .maxBlocked(.socketRecv, 1_000_000))
        #expect(try Limits.blocked("page-fault:1ms") == .maxBlocked(.pageFault, 1_000_000))
        #expect(try Limits.blocked("any:2s") == .maxBlocked(nil, 2_000_000_000))
        for text in ["sync", "blocking:2", ":", "blocking:"] {
            #expect(throws: LimitError.self) { try Limits.model(text) }
        }
        for text in ["disk", "floppy:1s", "disk:", ":1s"] {
            #expect(throws: LimitError.self) { try Limits.blocked(text) }
        }
        #expect(throws: LimitError.self) { try Limits.finding("no_such_finding") }
    }

    @Test func patternsMatchWholeNames() {
        #expect(Pattern("nginx").matches("nginx") && !Pattern("nginx").matches("nginx2"))
        #expect(
            Pattern("*").matches("") && Pattern("*.iso").matches("/srv/a/b.iso") && !Pattern("*.iso").matches("b.iso2"))
        #expect(Pattern("a?c").matches("abc") && !Pattern("a?c").matches("ac") && Pattern("a?c").matches("aéc"))
        #expect(Pattern("a\\*c").matches("a*c") && !Pattern("a\\*c").matches("abc") && Pattern("a\\").matches("a\\"))
        #expect(Pattern("**a**b**").matches("xaxxbx") && !Pattern("*a*b").matches("ba"))
        #expect(Pattern("new\nline*").matches("new\nlines") && Pattern("\"q\"").matches("\"q\""))
    }

    @Test func aHostilePatternIsCheap() {
        let name = String(repeating: "a", count: 4000)
        #expect(!Pattern(String(repeating: "a*", count: 500) + "b").matches(name))
    }
}
