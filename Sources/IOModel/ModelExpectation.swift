/// What a program of `iotrace lab models` should turn out to be.
///
/// A peer sends messages with gaps between them, so what has to be waited for is known: the sum of the gaps. Every
/// expectation follows from the program's code and from that sum, and none from how fast the machine is: a sleep must be at
/// least half of what it has to be, and a caller that does not sleep may sleep for a tenth at most.
public struct ModelExpectation: Sendable, Equatable {
    /// A row of `models` that may put its model among the tags.
    public struct Model: Hashable, Sendable {
        public var model: String
        public var subModel: String?

        public init(_ model: String, _ subModel: String? = nil) {
            self.model = model
            self.subModel = subModel
        }

        public var words: String { subModel.map { "\(model) (\($0))" } ?? model }
    }

    /// Nanoseconds asleep in calls of these names together.
    public struct Sleep: Sendable, Equatable {
        public var calls: [String]
        public var nanoseconds: UInt64
    }

    /// Nanoseconds in one quadrant.
    public struct QuadrantTime: Sendable, Equatable {
        public var quadrant: Quadrant
        public var nanoseconds: UInt64

        init(_ quadrant: Quadrant, _ nanoseconds: UInt64) {
            self.quadrant = quadrant
            self.nanoseconds = nanoseconds
        }
    }

    public var tags: [String]
    public var models: Set<Model>
    /// Received.
    public var bytes: UInt64
    /// A quadrant that is not here is not judged.
    public var operations: [Quadrant: ClosedRange<UInt64>]
    /// The quadrant that has the wait, and at least so much of it.
    public var time: QuadrantTime?
    /// The least that the process sleeps.
    public var asleep: [Sleep] = []
    /// The most that it sleeps.
    public var awake: [Sleep] = []
    /// The least that it spends on a CPU in I/O calls.
    public var busy: UInt64?
    /// The wait phase is at least so long and longer than the transfer phase, which there is. nil: neither is judged.
    public var wait: UInt64?

    /// What is sent to a program.
    public struct Load: Sendable, Equatable {
        public var messages: UInt64
        public var bytes: UInt64
        /// The sum of the gaps before the messages, nanoseconds.
        public var gaps: UInt64

        public init(messages: UInt64, bytes: UInt64, gaps: UInt64) {
            self.messages = messages
            self.bytes = bytes
            self.gaps = gaps
        }
    }

    /// - Returns: nil when there is no such row.
    public static func of(_ name: String, under load: Load) -> ModelExpectation? {
        guard let program = ModelProgram.named(name) else { return nil }
        let n = load.messages
        let (half, quarter, tenth) = (load.gaps / 2, load.gaps / 4, load.gaps / 10)
        var row = ModelExpectation(
            tags: [], models: [], bytes: load.bytes,
            operations: [
                .syncBlocking: 0...0, .syncNonblocking: 0...0, .asyncBlocking: 0...0, .asyncNonblocking: 0...0,
            ])
        func isA(_ models: Model...) {
            row.models = Set(models)
            row.tags = models.map(\.model)
        }
        func sleeps(in calls: [String], _ nanoseconds: UInt64) {
            row.asleep.append(.init(calls: calls, nanoseconds: nanoseconds))
        }
        func isAwake(in calls: [String], atMost most: UInt64? = nil) {
            row.awake.append(.init(calls: calls, nanoseconds: most ?? tenth))
        }
        func isMultiplexed(_ subModel: String) {
            isA(.init("multiplexed", subModel))
            row.operations[.syncNonblocking] = n...n
            row.operations[.asyncBlocking] = 1...n  // a wait may find several connections ready
            row.time = QuadrantTime(.asyncBlocking, half)
            sleeps(in: program.waitCalls, half)
            isAwake(in: ["read"])
            row.wait = half
        }
        switch name {
        case "blocking", "threads":
            isA(.init("blocking"))
            row.operations[.syncBlocking] = n...n
            row.time = QuadrantTime(.syncBlocking, half)
            sleeps(in: ["read"], half)
            row.wait = half
        case "nonblocking":
            isA(.init("nonblocking", "busy-polling"))
            row.operations[.syncNonblocking] = (n + 100)...UInt64.max
            row.time = QuadrantTime(.syncNonblocking, tenth)
            isAwake(in: ["read"])
            row.busy = tenth
        case "select", "poll": isMultiplexed(name)
        case "ppoll": isMultiplexed("poll")
        case "epoll": isMultiplexed("epoll")
        case "epoll-edge":
            isMultiplexed("epoll edge")
            row.operations[.syncNonblocking] = (n + 1)...(2 * n)  // read until EAGAIN
        case "sigio":
            isA(.init("async", "signal-driven"))
            // Read until EAGAIN; a signal may come for what has been read already.
            row.operations[.syncNonblocking] = (n + 1)...(3 * n)
            sleeps(in: ["rt_sigsuspend"], half)
            isAwake(in: ["read"])
        case "linux-aio":
            isA(.init("async", "libaio"))
            row.operations[.asyncNonblocking] = n...n
            row.operations[.asyncBlocking] = (2 * n)...(2 * n)  // one for readiness, one for the read
            row.time = QuadrantTime(.asyncBlocking, half)
            row.wait = half
            sleeps(in: ["io_getevents"], half)
            isAwake(in: ["io_submit"])
        case "linux-aio-direct":
            isA(.init("async", "libaio"), .init("zero-copy", "direct"))
            row.operations[.asyncNonblocking] = n...n
            row.operations[.asyncBlocking] = n...n
            // How long the disk takes is its own affair, but nobody waits for it while submitting.
            isAwake(in: ["io_submit"], atMost: 1_000_000)
        case "posix-aio":
            isA(.init("blocking"))
            row.operations[.syncBlocking] = n...n
            row.time = QuadrantTime(.syncBlocking, half)
            sleeps(in: ["read"], half)  // a helper thread
            sleeps(in: ["futex"], half)  // the caller
            row.wait = half
        case "io_uring":
            isA(.init("async", "io_uring"))
            row.operations[.asyncNonblocking] = n...n
            row.operations[.asyncBlocking] = nil
            row.time = QuadrantTime(.asyncBlocking, half)
            row.wait = half
            sleeps(in: ["io_uring_enter"], half)
        case "io_uring-sqpoll":
            isA(.init("async", "io_uring SQPOLL"))
            row.operations[.asyncNonblocking] = n...n
            row.operations[.asyncBlocking] = nil
            sleeps(in: ["clock_nanosleep"], half)
            isAwake(in: ["io_uring_enter"])
        case "blocking-epoll":
            isA(.init("blocking"), .init("multiplexed", "epoll"))
            row.operations[.syncBlocking] = (n / 2)...(n / 2)
            row.operations[.syncNonblocking] = (n / 2)...(n / 2)
            row.operations[.asyncBlocking] = 1...(n / 2)
            row.time = QuadrantTime(.asyncBlocking, quarter)
            sleeps(in: ["read"], quarter)
            sleeps(in: program.waitCalls.filter { $0 != "read" }, quarter)
            row.wait = half
        case "epoll-io_uring":
            isMultiplexed("epoll")
            isA(.init("multiplexed", "epoll"), .init("async", "io_uring"))
            row.bytes = 2 * load.bytes  // as much again from the file
            row.operations[.asyncNonblocking] = n...n
        default: return nil
        }
        return row
    }

    /// The contrary in everything that is judged but the losses: what a check that works must refuse.
    public var contradicted: ModelExpectation {
        var lie = self
        lie.tags = WaitModel.allCases.map(\.rawValue).filter { !tags.contains($0) }
        lie.models = Set(lie.tags.map { Model($0) })
        lie.bytes = bytes &+ 1
        lie.operations = operations.mapValues { $0.contains(0) ? 1...UInt64.max : 0...0 }
        lie.time = time.map { QuadrantTime($0.quadrant, 1000 &* $0.nanoseconds) }
        lie.asleep = awake.map { Sleep(calls: $0.calls, nanoseconds: $0.nanoseconds + 1) }
        lie.awake = asleep.map { Sleep(calls: $0.calls, nanoseconds: $0.nanoseconds - 1) }
        lie.busy = busy.map { 1000 &* $0 }
        lie.wait = wait.map { 1000 &* $0 }
        return lie
    }
}

/// One of the four combinations of "is the call's return the final result?" and "does the call return at once?".
public enum Quadrant: String, CaseIterable, Sendable {
    case syncBlocking = "sync_blocking"
    case syncNonblocking = "sync_nonblocking"
    case asyncBlocking = "async_blocking"
    case asyncNonblocking = "async_nonblocking"

    /// In words.
    public var words: String {
        switch self {
        case .syncBlocking: "sync, may block"
        case .syncNonblocking: "sync, returns at once"
        case .asyncBlocking: "async, may block"
        case .asyncNonblocking: "async, returns at once"
        }
    }
}

extension Quadrants {
    public subscript(quadrant: Quadrant) -> Figures {
        switch quadrant {
        case .syncBlocking: syncBlocking
        case .syncNonblocking: syncNonblocking
        case .asyncBlocking: asyncBlocking
        case .asyncNonblocking: asyncNonblocking
        }
    }
}
