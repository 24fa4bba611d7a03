/// Quantities as a person reads them: three significant digits and a unit; small counts exactly.
enum HumanUnits {
    /// What stands for a figure that is not known. Zero is a figure.
    static let unknown = "–"

    /// Exact below 100,000, then 123k, 1.23M, …
    static func count(_ value: UInt64) -> String {
        if value < 100_000 { return grouped(value) }
        return scaled(
            Double(value),
            units: [("", 1000), ("k", 1000), ("M", 1000), ("G", 1000), ("T", 1000), ("P", 1000), ("E", 1000)])
    }

    static func bytes(_ value: UInt64) -> String {
        if value < 1024 { return "\(value) B" }
        return scaled(
            Double(value),
            units: [
                (" B", 1024), (" KiB", 1024), (" MiB", 1024), (" GiB", 1024), (" TiB", 1024), (" PiB", 1024),
                (" EiB", 1024),
            ])
    }

    static func time(_ nanoseconds: UInt64) -> String {
        if nanoseconds < 1000 { return "\(nanoseconds) ns" }
        return scaled(Double(nanoseconds), units: timeUnits)
    }

    static func time(signed nanoseconds: Int64) -> String {
        (nanoseconds < 0 ? "−" : "") + time(nanoseconds.magnitude)
    }

    /// A value that a histogram knows to within a quarter: two significant digits are all it has.
    static func percentile(_ nanoseconds: UInt64) -> String {
        if nanoseconds < 1000 { return "\(nanoseconds) ns" }
        return scaled(Double(nanoseconds), units: timeUnits, digits: 2)
    }

    /// nil when there is no whole to have a share of.
    static func percent(_ part: Double, of whole: Double) -> String? {
        guard whole > 0 else { return nil }
        let value = abs(part) / whole * 100
        let sign = part < 0 ? "−" : ""
        if value == 0 { return "0%" }
        if value < 0.1 { return "<0.1%" }
        if value < 99.95 { return sign + fixed(value, decimals: 1) + "%" }
        return sign + (value < 1e6 ? fixed(value, decimals: 0) : ">999999") + "%"
    }

    static func percent(_ part: UInt64, of whole: UInt64) -> String? { percent(Double(part), of: Double(whole)) }

    /// A number with three significant digits, without a unit.
    static func decimal(_ value: Double) -> String {
        value < 1e15 ? fixed(value, decimals: decimals(for: value, digits: 3)) : ">1e15"
    }

    /// Two decimals, as a number of copies for each byte is known; 0 alone is exactly none.
    static func ratio(_ value: Double) -> String {
        value == 0 ? "0" : value < 0.005 ? "<0.01" : fixed(min(value, 1e9), decimals: 2)
    }

    static func plural(_ count: UInt64, _ singular: String, _ plural: String) -> String {
        "\(self.count(count)) \(count == 1 ? singular : plural)"
    }

    /// Each unit with how many of it make the next one. Traced time of many threads can be long.
    private static let timeUnits: [(name: String, step: Double)] = [
        (" ns", 1000), (" µs", 1000), (" ms", 1000), (" s", 1000), (" min", 60), (" h", 24), (" d", .infinity),
    ]

    /// The first unit in which the rounded value is below the next one's size. Seconds go on to 999.
    private static func scaled(_ value: Double, units: [(name: String, step: Double)], digits: Int = 3) -> String {
        var value = value
        for (index, unit) in units.enumerated() {
            let decimals = decimals(for: value, digits: digits)
            let isLast = index == units.count - 1
            if isLast || rounded(value, decimals) < unit.step { return fixed(value, decimals: decimals) + unit.name }
            value /= unit.name == " s" ? 60 : unit.step
        }
        return ""
    }

    private static func decimals(for value: Double, digits: Int) -> Int {
        if rounded(value, digits - 1) < 10 { return digits - 1 }
        if rounded(value, max(0, digits - 2)) < 100 { return max(0, digits - 2) }
        return 0
    }

    private static func power(_ decimals: Int) -> Double { decimals == 0 ? 1 : decimals == 1 ? 10 : 100 }

    private static func rounded(_ value: Double, _ decimals: Int) -> Double {
        (value * power(decimals)).rounded() / power(decimals)
    }

    private static func fixed(_ value: Double, decimals: Int) -> String {
        let scaled = UInt64((value * power(decimals)).rounded())
        let whole = grouped(scaled / UInt64(power(decimals)))
        if decimals == 0 { return whole }
        let fraction = String(scaled % UInt64(power(decimals)))
        return whole + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }

    private static func grouped(_ value: UInt64) -> String {
        let digits = String(value)
        if value < 10_000 { return digits }
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index) % 3 == 0 { result += "," }
            result.append(digit)
        }
        return result
    }
}
