/// How a program of `iotrace lab models` is built: which of its calls wait, and which move the data. Sources/ModelLab has
/// the programs.
public struct ModelProgram: Sendable, Equatable {
    /// The five models of the tutorials.
    public enum Kind: String, CaseIterable, Sendable {
        case blocking
        case nonblocking
        case multiplexed
        case signalDriven = "signal-driven"
        case async
    }

    /// nil: a mixture of models.
    public var kind: Kind?
    /// Where the caller sleeps for data, by names of system calls. Empty: nowhere.
    public var waitCalls: [String]
    /// Where the data is moved by a CPU. nil: not in calls of the program that could be told from others.
    public var transferCalls: [String]?
    /// Threads that receive side by side.
    public var receivers: UInt64 = 1
    /// Threads of the C library make the transfer calls, not the caller.
    public var hasHelpers = false

    init(_ kind: Kind?, waits waitCalls: [String], moves transferCalls: [String]?) {
        self.kind = kind
        self.waitCalls = waitCalls
        self.transferCalls = transferCalls
    }

    /// - Returns: nil when there is no such row.
    public static func named(_ name: String) -> ModelProgram? {
        switch name {
        case "blocking": return .init(.blocking, waits: ["read"], moves: ["read"])
        case "threads":
            var program = ModelProgram(.blocking, waits: ["read"], moves: ["read"])
            program.receivers = 4
            return program
        case "nonblocking": return .init(.nonblocking, waits: [], moves: ["read"])
        case "select": return .init(.multiplexed, waits: WaitCalls.select, moves: ["read"])
        case "poll", "ppoll": return .init(.multiplexed, waits: [name], moves: ["read"])
        case "epoll", "epoll-edge": return .init(.multiplexed, waits: WaitCalls.epoll, moves: ["read"])
        case "sigio": return .init(.signalDriven, waits: [], moves: ["read"])
        case "linux-aio": return .init(.async, waits: ["io_getevents"], moves: ["io_submit"])
        case "linux-aio-direct": return .init(.async, waits: ["io_getevents"], moves: nil)  // a device
        case "posix-aio":
            var program = ModelProgram(.async, waits: ["futex"], moves: ["read"])
            program.hasHelpers = true
            return program
        case "io_uring": return .init(.async, waits: ["io_uring_enter"], moves: ["io_uring_enter"])
        case "io_uring-sqpoll": return .init(.async, waits: [], moves: nil)  // a kernel thread
        case "blocking-epoll": return .init(nil, waits: ["read"] + WaitCalls.epoll, moves: ["read"])
        case "epoll-io_uring": return .init(nil, waits: WaitCalls.epoll, moves: ["read", "io_uring_enter"])
        default: return nil
        }
    }
}
