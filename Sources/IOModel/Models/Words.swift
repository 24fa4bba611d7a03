/// Numbers in sentences.
enum Words {
    static func count(_ value: UInt64) -> String {
        let digits = Array(String(value))
        return digits.enumerated().map { index, digit in
            index > 0 && (digits.count - index) % 3 == 0 ? ",\(digit)" : "\(digit)"
        }.joined()
    }

    /// A number with what it counts.
    static func plural(_ value: UInt64, _ singular: String, _ plural: String? = nil) -> String {
        "\(count(value)) \(value == 1 ? singular : plural ?? singular + "s")"
    }

    static func ratio(_ value: Double) -> String {
        let hundredths = UInt64(min(value, 1e12) * 100 + 0.5)
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// One decimal. What is not all is never rounded to 100, and what is not nothing never to 0.
    static func percent(_ share: Double?) -> String {
        guard let share else { return "–" }
        if share <= 0 { return "0%" }
        if share < 0.001 { return "<0.1%" }
        if share >= 1 { return "100%" }
        let tenths = min(UInt64(share * 1000 + 0.5), 999)
        return "\(tenths / 10).\(tenths % 10)%"
    }

    static func share(_ part: UInt64, of whole: UInt64) -> Double? {
        whole > 0 ? Double(part) / Double(whole) : nil
    }

    static func time(_ nanoseconds: UInt64) -> String {
        switch nanoseconds {
        case ..<1_000: "\(nanoseconds) ns"
        case ..<1_000_000: "\(ratio(Double(nanoseconds) / 1e3)) µs"
        case ..<1_000_000_000: "\(ratio(Double(nanoseconds) / 1e6)) ms"
        default: "\(ratio(Double(nanoseconds) / 1e9)) s"
        }
    }
}
