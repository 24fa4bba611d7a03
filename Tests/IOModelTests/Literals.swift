@testable import IOModel

/// Processes and fds as literals.
enum Literals {
    static func call(_ name: String) -> UInt32 { SyscallNames.number(of: name)! }

    /// Requests of an io_uring with this opcode.
    static func request(_ opcode: UInt32) -> RequestFigures.Key {
        RequestFigures.Key(queue: 1, operation: Operation(code: Operation.uringFlag | opcode))
    }

    static func process(_ build: (inout ProcessFigures) -> Void) -> ProcessFigures {
        var process = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 1, ppid: 0, comm: "x"))
        build(&process)
        return process
    }

    static func file(
        _ identity: FileIdentity, _ slots: [ModelSlot: UInt64], bytes: UInt64 = 100, again: UInt64 = 0
    ) -> FileFigures {
        var file = FileFigures(identity: identity)
        for (slot, operations) in slots {
            file.models[slot.rawValue] = ModelFigures(operations: operations, bytes: operations * bytes)
            file.operations += operations
        }
        file.again = again
        return file
    }

    static let socket = FileIdentity(fd: 5, type: .tcp, nonblocking: true, inEpoll: true)

    /// Waits that keep a process's epoll sets its own.
    static func waits(_ count: UInt64, _ name: String = "epoll_wait") -> [UInt32: CallFigures] {
        [call(name): CallFigures(count: count)]
    }
}
