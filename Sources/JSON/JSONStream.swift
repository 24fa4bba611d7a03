/// Writes JSON on one line from front to end, without a tree of values before it: for what is written again and again.
public struct JSONStream: ~Copyable {
    /// UTF-8, in memory of its own: an array would look at its owners and its end for each digit.
    private var text: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var count = 0
    /// The next element or member follows another.
    private var follows = false

    public init() {
        capacity = 1024
        text = .allocate(capacity: capacity)
    }

    deinit { text.deallocate() }

    public var bytes: [UInt8] { withBytes { Array($0) } }

    public func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: text, count: count))
    }

    /// Starts anew.
    /// - Parameter limit: bytes of memory to keep at most.
    public mutating func clear(keeping limit: Int) {
        (count, follows) = (0, false)
        guard capacity > limit else { return }
        text.deallocate()
        capacity = limit
        text = .allocate(capacity: capacity)
    }

    public mutating func object(_ members: (inout JSONStream) -> Void) { enclose("{", members, "}") }

    public mutating func array(_ elements: (inout JSONStream) -> Void) { enclose("[", elements, "]") }

    /// The next value is that of this key, which needs no escapes.
    public mutating func key(_ name: StaticString) {
        separate()
        reserve(name.utf8CodeUnitCount + 3)
        put(UInt8(ascii: "\""))
        name.withUTF8Buffer { put($0) }
        put(UInt8(ascii: "\""))
        put(UInt8(ascii: ":"))
        follows = false
    }

    public mutating func member(_ name: StaticString, _ number: UInt64) {
        key(name)
        value(number)
    }

    public mutating func member(_ name: StaticString, _ number: Int64) {
        key(name)
        value(number)
    }

    public mutating func member(_ name: StaticString, _ truth: Bool) {
        key(name)
        value(truth)
    }

    public mutating func member(_ name: StaticString, _ string: String?) {
        key(name)
        value(string)
    }

    public mutating func value(_ number: UInt64) {
        separate()
        reserve(Self.longest)
        write(number)
    }

    public mutating func value(_ number: Int64) {
        guard number < 0 else { return value(UInt64(number)) }
        separate()
        reserve(1)
        put(UInt8(ascii: "-"))
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
            reserve(text.count + 2)
            put(UInt8(ascii: "\""))
            put(text)
            put(UInt8(ascii: "\""))
            return true
        }
        if !isPlain { append(JSONValue.string(string).encoded()) }
    }

    public mutating func value(_ value: JSONValue) {
        separate()
        append(value.encoded())
    }

    /// Ends a line of newline-delimited JSON.
    public mutating func endLine() {
        reserve(1)
        put(UInt8(ascii: "\n"))
        follows = false
    }

    public mutating func null() { literal("null") }

    /// A list of numbers: most of what there is to write.
    public mutating func values(_ numbers: [UInt64]) {
        array { out in numbers.withUnsafeBufferPointer { out.elements($0) } }
    }

    /// Elements of a list of numbers.
    public mutating func elements(_ numbers: UnsafeBufferPointer<UInt64>) {
        reserve((Self.longest + 1) * numbers.count)
        for number in numbers {
            if follows { put(UInt8(ascii: ",")) }
            follows = true
            write(number)
        }
    }

    /// Digits of a number.
    private static let longest = 20

    /// There must be room for it.
    private mutating func write(_ number: UInt64) {
        if number < 10 { return put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number)) }
        let start = text + count
        var digits = 0
        var rest = number
        while rest > 0 {
            let quotient = rest / 10
            start[digits] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest &- quotient &* 10)
            digits += 1
            rest = quotient
        }
        var (left, right) = (0, digits - 1)
        while left < right {
            (start[left], start[right]) = (start[right], start[left])
            left += 1
            right -= 1
        }
        count += digits
    }

    private mutating func literal(_ text: StaticString) {
        separate()
        reserve(text.utf8CodeUnitCount)
        text.withUTF8Buffer { put($0) }
    }

    private mutating func enclose(
        _ start: Unicode.Scalar, _ body: (inout JSONStream) -> Void, _ end: Unicode.Scalar
    ) {
        separate()
        reserve(1)
        put(UInt8(ascii: start))
        follows = false
        body(&self)
        reserve(1)
        put(UInt8(ascii: end))
        follows = true
    }

    private mutating func separate() {
        reserve(1)
        if follows { put(UInt8(ascii: ",")) }
        follows = true
    }

    private mutating func append(_ bytes: [UInt8]) {
        reserve(bytes.count)
        bytes.withUnsafeBufferPointer { put($0) }
    }

    private mutating func put(_ byte: UInt8) {
        text[count] = byte
        count += 1
    }

    private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress else { return }
        (text + count).update(from: start, count: bytes.count)
        count += bytes.count
    }

    /// Makes room for so many bytes more.
    private mutating func reserve(_ more: Int) {
        if capacity - count < more { grow(more) }
    }

    private mutating func grow(_ more: Int) {
        capacity = max(2 * capacity, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: text, count: count)
        text.deallocate()
        text = larger
    }
}
