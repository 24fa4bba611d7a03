/// The two phases of every I/O: waiting until data is there, and moving it. docs/models/quadrant-and-phases.md
public struct Phases: Sendable, Equatable {
    /// Blocked and in a run queue inside operations, and in calls that carry them, nanoseconds. Exact.
    public var wait: UInt64 = 0
    /// On a CPU inside them.
    public var moving = InCalls()

    /// Nanoseconds; nil when there were calls and none was timed.
    public var transfer: UInt64? { moving.nanoseconds }

    init(_ process: ProcessFigures) {
        for number in process.calls.keys where Self.holds(number) {
            let call = TimeOfCall(number, in: process)
            wait &+= call.asleep
            moving.add(call, share: process.shareOfWaits(number))
        }
        wait = wait.less(process.totals.sleepWait)
    }

    /// A call of this number is an operation, waits for some, or carries some.
    static func holds(_ number: UInt32) -> Bool {
        SyscallTrait.of(number).kind.isOperation || WaitCalls.submitting.contains(SyscallNames.name(of: number))
    }
}
