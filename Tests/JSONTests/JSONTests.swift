import JSON
import Testing

@Suite struct JSONTests {
    @Test(arguments: [
        "null", "true", "[]", "{}", "-7", "18446744073709551615", "1.5", "\"a\\u0000\\n\\\"\\\\\"",
        "{\"a\":[1,{\"b\":null}]}",
        "\"日本 🎉\"",
    ])
    func whatIsWrittenIsWhatWasRead(text: String) throws {
        let value = try JSONValue(parsing: text.utf8)
        #expect(String(decoding: value.encoded(), as: UTF8.self) == text)
        #expect(try JSONValue(parsing: value.encoded(indent: 2)) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "[1,]", "{\"a\"}", "{a:1}", "01", "1.", "1e", "-", "\"", "\"\\q\"", "\"\\u12\"", "\"\\ud800\"",
        "\"\\ud800x\"",
        "1 2", "[", "\"\u{1}\"", "1e999", "+1",
    ])
    func whatIsNotJSONIsRefused(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text.utf8) }
    }

    @Test func bytesThatAreNotUTF8AreRefused() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    }

    @Test func nestingIsBounded() throws {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.self) { try JSONValue(parsing: deep.utf8) }
        let allowed = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        #expect(throws: Never.self) { try JSONValue(parsing: allowed.utf8) }
    }

    @Test func surrogatePairsAreOneCharacter() throws {
        #expect(try JSONValue(parsing: "\"\\ud83c\\udf89\"".utf8) == "🎉")
    }

    @Test func controlCharactersNeverReachATerminal() {
        let bytes = JSONValue.string("\u{1B}[2J\u{7F}\u{9B}").encoded()
        #expect(String(decoding: bytes, as: UTF8.self) == "\"\\u001b[2J\\u007f\\u009b\"")
    }

    @Test func numbersThatAreNotFiniteBecomeNull() {
        #expect(JSONValue(Double.nan).isNull)
        #expect(JSONValue(Optional<UInt64>.none).isNull)
    }

    @Test func aStreamWritesWhatAValueWouldBe() {
        var stream = JSONStream()
        stream.object { out in
            out.key("numbers")
            out.values([0, 9, 10, 1_234_567_890, .max])
            out.key("negative")
            out.array { out in
                out.value(Int64.min)
                out.value(Int64(-7))
                out.value(Int64(7))
            }
            out.key("strings")
            out.array { out in
                for string in ["", "/a/b", "\"\\\n\u{7F}", "日本 🎉", nil] { out.value(string) }
            }
            out.key("others")
            out.array { out in
                out.value(true)
                out.null()
                out.object { _ in }
                out.value(JSONValue.array([1, ["a": 2]]))
                out.value(false)
            }
        }
        let value: JSONValue = [
            "numbers": [0, 9, 10, 1_234_567_890, .unsigned(.max)], "negative": [.integer(.min), -7, 7],
            "strings": ["", "/a/b", "\"\\\n\u{7F}", "日本 🎉", .null],
            "others": [true, .null, [:], [1, ["a": 2]], false],
        ]
        #expect(String(decoding: stream.bytes, as: UTF8.self) == String(decoding: value.encoded(), as: UTF8.self))
    }
}
