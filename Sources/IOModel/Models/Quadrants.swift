/// The four combinations of "is the call's return the final result?" and "does the call return at once?".
/// docs/models/quadrant-and-phases.md
public struct Quadrants: Sendable, Equatable {
    public struct Figures: Sendable, Equatable {
        public var operations: UInt64 = 0
        /// Asleep, in a run queue and on a CPU.
        public var time = InCalls()
    }

    public var syncBlocking = Figures()
    public var syncNonblocking = Figures()
    public var asyncBlocking = Figures()
    public var asyncNonblocking = Figures()

    init(sums: ModelSums, process: ProcessFigures) {
        for (rule, figures) in sums.rules {
            asyncBlocking.operations &+= figures.waits
            if rule.isSubmitted {
                asyncNonblocking.operations &+= figures.operations
            } else {
                syncBlocking.operations &+= figures.mayHaveSlept
                syncNonblocking.operations &+= figures.operations.less(figures.mayHaveSlept)
            }
        }
        asyncBlocking.operations = asyncBlocking.operations.less(sums.instantWaits)
        asyncNonblocking.operations &+= sums.instantWaits
        let sync = syncBlocking.operations &+ syncNonblocking.operations
        let share = sync > 0 ? Double(syncBlocking.operations) / Double(sync) : 1
        let instant = Words.share(sums.instantWaits, of: sums.waits) ?? 0
        var waitsAsleep: UInt64 = 0
        for number in process.calls.keys {
            let kind = SyscallTrait.of(number).kind
            let call = TimeOfCall(number, in: process)
            switch kind {
            case .fdWait, .wait, .getEvents:
                let waiting = process.shareOfWaits(number)
                waitsAsleep &+= call.asleep
                asyncBlocking.time.add(call, share: waiting * (1 - instant))
                asyncNonblocking.time.add(call, share: waiting * instant)
            case _ where WaitCalls.submitting.contains(SyscallNames.name(of: number)):
                asyncBlocking.time.add(asleep: call.asleep)
                asyncNonblocking.time.add(call)
            case _ where kind.isOperation:
                // A call that cannot sleep for data hardly sleeps; its time on a CPU goes by operations.
                syncBlocking.time.add(asleep: call.asleep)
                syncBlocking.time.add(call, share: share)
                syncNonblocking.time.add(call, share: 1 - share)
            default: continue
            }
        }
        asyncBlocking.time.add(asleep: waitsAsleep.less(process.totals.sleepWait))
    }
}

extension ProcessFigures {
    /// How many of the calls of this number that waits have were waits: poll and select without fds only sleep.
    func shareOfWaits(_ number: UInt32) -> Double {
        let name = SyscallNames.name(of: number)
        guard let rule = ModelRule.allCases.first(where: { $0.waitCalls.contains(name) }) else { return 1 }
        let sleeps = totals.sleeps(under: rule)
        guard sleeps > 0 else { return 1 }
        let successes = successes(of: rule.waitCalls)
        return successes > sleeps ? Double(successes - sleeps) / Double(successes) : 0
    }
}
