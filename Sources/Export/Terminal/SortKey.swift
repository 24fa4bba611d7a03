/// What processes are ranked by, the most first; `pid` counts up.
public enum SortKey: String, CaseIterable, Sendable {
    /// Blocked time and time on a CPU: what the threads' time went into.
    case cost
    case syscalls, bytes, blocked, cpu, pid
}
