/// Writes JSON on one line from front to end, without a tree of values before it: for what is written again and again.
public struct JSONStream {
    /// UTF-8.
    public private(set) var bytes: [UInt8] = []
    /// The next element or member follows another.
    private var follows = false

    public init() {}

    public mutating func object(_ members: (inout JSONStream) -> Void) { enclose("{", members, "}") }

    public mutating func array(_ elements: (inout JSONStream) -> Void) { enclose("[", elements, "]") }

    /// The next value is that of this key, which needs no escapes.
    public mutating func key(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        follows = false
    }

    public mutating func value(_ number: UInt64) {
        separate()
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.longest) { text in
            let end = Self.write(number, to: text, at: 0)
            bytes.append(contentsOf: text[..<end])
        }
    }

    public mutating func value(_ number: Int64) {
        guard number < 0 else { return value(UInt64(number)) }
        separate()
        bytes.append(UInt8(ascii: "-"))
        follows = false
        value(number.magnitude)
    }

    public mutating func value(_ truth: Bool) { literal(truth ? "true" : "false") }

    /// nil is null.
    public mutating func value(_ string: String?) {
        guard var string else { return literal("null") }
        separate()
        let isPlain = string.withUTF8 { text in
            guard text.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
            else { return false }
            bytes.append(UInt8(ascii: "\""))
            bytes.append(contentsOf: text)
            bytes.append(UInt8(ascii: "\""))
            return true
        }
        if !isPlain { bytes += JSONValue.string(string).encoded() }
    }

    public mutating func value(_ value: JSONValue) {
        separate()
        bytes += value.encoded()
    }

    /// Ends a line of newline-delimited JSON.
    public mutating func endLine() {
        bytes.append(UInt8(ascii: "\n"))
        follows = false
    }

    public mutating func null() { literal("null") }

    /// A list of numbers: most of what there is to write.
    public mutating func values(_ numbers: [UInt64]) {
        separate()
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 + (Self.longest + 1) * numbers.count) { text in
            text[0] = UInt8(ascii: "[")
            var end = 1
            for number in numbers {
                if end > 1 {
                    text[end] = UInt8(ascii: ",")
                    end += 1
                }
                end = Self.write(number, to: text, at: end)
            }
            text[end] = UInt8(ascii: "]")
            bytes.append(contentsOf: text[...end])
        }
    }

    /// Digits of a number.
    private static let longest = 20

    /// - Returns: where its digits end.
    private static func write(_ number: UInt64, to text: UnsafeMutableBufferPointer<UInt8>, at start: Int) -> Int {
        if number < 10 {
            text[start] = UInt8(ascii: "0") + UInt8(number)
            return start + 1
        }
        var end = start
        var rest = number
        while rest > 0 {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            text[end] = UInt8(ascii: "0") + UInt8(digit)
            end += 1
            rest = quotient
        }
        text[start..<end].reverse()
        return end
    }

    private mutating func literal(_ text: StaticString) {
        separate()
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private mutating func enclose(
        _ start: Unicode.Scalar, _ body: (inout JSONStream) -> Void, _ end: Unicode.Scalar
    ) {
        separate()
        bytes.append(UInt8(ascii: start))
        follows = false
        body(&self)
        bytes.append(UInt8(ascii: end))
        follows = true
    }

    private mutating func separate() {
        if follows { bytes.append(UInt8(ascii: ",")) }
        follows = true
    }
}
