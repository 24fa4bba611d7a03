/// Time in calls, as far as it is known.
public struct InCalls: Sendable, Equatable {
    /// nil when nothing of it is known: there were calls, and none was timed or slept.
    public var nanoseconds: UInt64? { known == 0 && isPartial ? nil : known }
    /// The time on a CPU is the mean of the timed calls, or was divided by operations.
    public private(set) var isEstimated = false
    /// Of some calls the time on a CPU is not known, since none like them was timed: `nanoseconds` is the least that it is.
    public private(set) var isPartial = false
    private var known: UInt64 = 0

    mutating func add(asleep: UInt64) { known &+= asleep }

    /// - Parameter share: how much of the call's time on a CPU belongs here.
    mutating func add(_ call: TimeOfCall, share: Double = 1) {
        guard call.happened, share > 0 else { return }
        guard let onCPU = call.onCPU else {
            isPartial = true
            return
        }
        known &+= share < 1 ? UInt64(Double(onCPU) * share) : onCPU
        isEstimated = isEstimated || call.isEstimated || share < 1
    }
}

/// What a system call of a process took.
struct TimeOfCall {
    /// Blocked and in a run queue: exact. Nanoseconds.
    let asleep: UInt64
    /// nil when no such call was timed.
    let onCPU: UInt64?
    let isEstimated: Bool
    /// false: the one such call has not returned, so that no time on a CPU could be asked for.
    let happened: Bool

    init(_ number: UInt32, in process: ProcessFigures) {
        let call = process.calls[number] ?? CallFigures()
        let asleep = call.blocked &+ call.runQueue
        let time = process.time(of: number)
        self.asleep = asleep
        onCPU = time.map { $0.nanoseconds.less(asleep) }
        isEstimated = time?.estimated == true
        happened = call.count > 0
    }
}
