import CLinuxShims
import Glibc
import ProbeLoader

/// The command that iotrace runs. It is forked at once and waits; `release` lets it exec.
final class Child {
    private var child: gated_child
    private let name: String
    /// Readable when the command has ended.
    let pidfd: Int32
    private(set) var waitStatus: Int32?

    var pid: UInt32 { UInt32(child.pid) }

    init(_ command: [String]) throws {
        child = gated_child()
        name = visible(command[0])
        let arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        let failure = gated_spawn(arguments, &child)
        guard failure == 0 else { throw CommandFailure("starting \(name): \(ProbeError.name(of: failure))") }
        pidfd = open_pidfd(child.pid)
        guard pidfd >= 0 else {
            close(child.gate)
            throw CommandFailure("watching \(name): \(ProbeError.name(of: -pidfd))")
        }
    }

    deinit { close(pidfd) }

    /// Lets the command start.
    /// - Throws: a failure with status 126 or 127 when it cannot be executed.
    func release() throws {
        var byte: UInt8 = 1
        _ = write(child.gate, &byte, 1)
        close(child.gate)
        var failure: Int32 = 0
        var count = read(child.result, &failure, 4)
        while count < 0 && errno == EINTR { count = read(child.result, &failure, 4) }
        close(child.result)
        guard count == 4 else { return }
        _ = wait()
        throw CommandFailure(
            "running \(name): \(ProbeError.name(of: failure))", status: failure == ENOENT ? 127 : 126)
    }

    /// Ends a command that has not been released.
    func abandon() {
        close(child.gate)
        close(child.result)
        _ = wait()
    }

    func send(_ number: Int32) { kill(child.pid, number) }

    /// Waits for the command's end.
    /// - Returns: its exit status as a shell has it.
    func wait() -> Int32 {
        if waitStatus == nil {
            var status: Int32 = 0
            while waitpid(child.pid, &status, 0) < 0 && errno == EINTR {}
            waitStatus = status
        }
        let status = waitStatus!
        return status_exited(status) != 0 ? status_code(status) : 128 + status_signal(status)
    }
}
