public import IOModel
public enum SortKey: String, CaseIterable, Sendable { case cost, syscalls, bytes, blocked, cpu, pid }
public struct TerminalReport {
    public struct Options: Sendable {
        public init(width: Int = 80, color: Bool = false, sort: SortKey = .cost, limit: Int = 10, pid: UInt32? = nil) {}
    }
    let report: Report
    public init(report: Report, options: Options) { self.report = report }
    public func rendered() -> [UInt8] { Array("stub\n".utf8) }
}
