/// Why a limit cannot be read.
public struct LimitError: Error, Equatable, CustomStringConvertible, Sendable {
    public var description: String

    init(_ description: String) { self.description = description }
}

/// Limits as people write them, on the command line and in policies.
public enum Limits {
    /// A number of bytes: `4096`, `4K`, `1.5M`, `2GiB`. K, M, G and T are powers of 1024.
    public static func bytes(_ text: String) throws(LimitError) -> UInt64 {
        let failure = LimitError("it must be a number of bytes, such as 4096, 4K or 1.5M")
        var digits = text[...]
        for suffix in ["iB", "B"] where digits.hasSuffix(suffix) {
            digits = digits.dropLast(suffix.count)
            break
        }
        let units: [Character: Double] = ["K": 0x1p10, "M": 0x1p20, "G": 0x1p30, "T": 0x1p40]
        var unit = 1.0
        if let last = digits.last, let found = units[Character(last.uppercased())] {
            unit = found
            digits = digits.dropLast()
        }
        if unit == 1, let exact = UInt64(digits), isPlain(digits) { return exact }
        guard let value = decimal(digits), value * unit < 0x1p63 else { throw failure }
        return UInt64((value * unit).rounded())
    }

    /// Nanoseconds: `10ms`, `1.5s`, `200us`, `50ns`, `2min`, and `0`.
    public static func time(_ text: String) throws(LimitError) -> UInt64 {
        if text == "0" { return 0 }
        let units: [(String, Double)] = [
            ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("min", 60e9), ("s", 1e9),
        ]
        guard let (suffix, unit) = units.first(where: { text.hasSuffix($0.0) }),
            let value = decimal(text.dropLast(suffix.count)), value * unit < 0x1p63
        else { throw LimitError("it must be a time with its unit, such as 200us, 10ms or 1.5s") }
        return UInt64((value * unit).rounded())
    }

    /// A share from 0 to 1: `0.95` or `95%`.
    public static func share(_ text: String) throws(LimitError) -> Double {
        let percent = text.hasSuffix("%")
        guard let value = decimal(percent ? text.dropLast() : text[...]), value <= (percent ? 100 : 1) else {
            throw LimitError("it must be a share from 0 to 1, such as 0.95 or 95%")
        }
        return percent ? value / 100 : value
    }

    /// A number that is not negative.
    public static func number(_ text: String) throws(LimitError) -> Double {
        guard let value = decimal(text[...]) else { throw LimitError("it must be a number of at least 0") }
        return value
    }

    /// `MODEL` or `MODEL:SHARE`.
    public static func model(_ text: String) throws(LimitError) -> ClaimKind {
        let (name, share) = parts(text)
        return .model(try modelName(name), atLeast: try share.map { share throws(LimitError) in try Self.share(share) })
    }

    public static func modelName(_ text: String) throws(LimitError) -> ClaimedModel {
        guard let model = ClaimedModel(rawValue: text) else {
            throw LimitError("the models are \(ClaimedModel.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return model
    }

    /// `CAUSE:TIME`, where the cause `any` is all of them together.
    public static func blocked(_ text: String) throws(LimitError) -> ClaimKind {
        let (name, limit) = parts(text)
        let cause = try cause(name)
        guard let limit else { throw LimitError("it must be CAUSE:TIME, such as disk:10ms") }
        return .maxBlocked(cause, try time(limit))
    }

    /// nil: any.
    public static func cause(_ name: String) throws(LimitError) -> BlockingCause? {
        if name == "any" { return nil }
        let key = String(name.map { $0 == "-" ? "_" : $0 })
        guard let cause = BlockingCause.allCases.first(where: { $0.key == key }) else {
            throw LimitError("the causes are any, \(BlockingCause.allCases.map(\.key).joined(separator: ", "))")
        }
        return cause
    }

    public static func finding(_ code: String) throws(LimitError) -> ClaimKind {
        guard Finding.codes.contains(code) else {
            throw LimitError("there is no such finding; there are \(Finding.codes.joined(separator: ", "))")
        }
        return .noFinding(code)
    }

    private static func parts(_ text: String) -> (String, String?) {
        guard let colon = text.lastIndex(of: ":") else { return (text, nil) }
        return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }

    private static func isPlain(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }

    /// Digits with at most one point: no sign, no exponent, no names such as `nan`.
    private static func decimal(_ text: Substring) -> Double? {
        let halves = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard (1...2).contains(halves.count), halves.allSatisfy({ isPlain($0) }), text.utf8.count <= 40 else {
            return nil
        }
        return Double(text)
    }
}
