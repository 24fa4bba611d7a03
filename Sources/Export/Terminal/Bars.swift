/// Horizontal bars of eighth blocks (U+2588…U+258F).
enum Bars {
    /// - Parameter share: of the full bar, 0 to 1. Anything above zero can be seen.
    static func bar(_ share: Double, columns: Int) -> String {
        guard share > 0, columns > 0 else { return "" }
        let eighths = max(1, Int((min(share, 1) * Double(columns) * 8).rounded()))
        let rest = eighths % 8
        return String(repeating: "█", count: eighths / 8) + (rest == 0 ? "" : partial[rest - 1])
    }

    private static let partial = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]
}
