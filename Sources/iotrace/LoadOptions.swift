import ArgumentParser
import CLinuxShims
import Collector
import Glibc
import ProbeLoader

/// When the load may start, and how often it runs.
struct LoadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Seconds to wait before the load starts, once the target is ready.", valueName: "seconds"))
    var settle: Double = 0

    @Option(
        help: ArgumentHelp(
            "Wait until somebody listens on this TCP port. No connection is made.", valueName: "port"))
    var readyPort: UInt16?

    @Option(help: ArgumentHelp("Wait until this shell command succeeds.", valueName: "command"))
    var readyCommand: String?

    @Option(help: ArgumentHelp("Seconds to wait for the target to be ready.", valueName: "seconds"))
    var readyTimeout: Double = 30

    @Option(
        name: .customLong("repeat"),
        help: ArgumentHelp("Run so often; the claims must hold every time.", valueName: "n"))
    var repetitions: Int = 1

    func check(hasTarget: Bool, hasCommand: Bool) throws {
        guard settle >= 0, settle <= 86400 else {
            throw CommandFailure("--settle \(settle): it must be from 0 to 86400 seconds")
        }
        guard readyTimeout > 0, readyTimeout <= 86400 else {
            throw CommandFailure("--ready-timeout \(readyTimeout): it must be above 0, and 86400 seconds at most")
        }
        guard (1...1000).contains(repetitions) else {
            throw CommandFailure("--repeat \(repetitions): it must be from 1 to 1000")
        }
        if readyPort == 0 { throw CommandFailure("--ready-port 0: nobody can listen on it") }
        let waits = settle > 0 || readyPort != nil || readyCommand != nil
        guard !waits || (hasTarget && hasCommand) else {
            throw CommandFailure(
                "--settle, --ready-port and --ready-command hold a load back: give a target (-p, --comm, --cgroup) and the load after --"
            )
        }
        if repetitions > 1 && !hasCommand { throw CommandFailure("--repeat runs a command again: give one after --") }
    }

    func waitUntilReady() throws {
        if let port = readyPort {
            try wait("nobody listens on TCP port \(port)") { Self.listens(port) }
        }
        if let command = readyCommand {
            try wait("`\(visible(command))` did not succeed") {
                run_quietly(command) == 0
            }
        }
        if settle > 0 { Self.sleep(settle) }
    }

    private func wait(_ what: String, until isReady: () -> Bool) throws {
        let end = Clock.read(CLOCK_MONOTONIC) + UInt64(readyTimeout * 1e9)
        while !isReady() {
            guard Clock.read(CLOCK_MONOTONIC) < end else {
                throw CommandFailure("waiting for the target: \(what) within \(readyTimeout) s (--ready-timeout)")
            }
            Self.sleep(0.05)
        }
    }

    private static func sleep(_ seconds: Double) {
        let whole = seconds.rounded(.down)
        var left = timespec(tv_sec: Int(whole), tv_nsec: Int((seconds - whole) * 1e9))
        var rest = timespec()
        while nanosleep(&left, &rest) != 0 && errno == EINTR { left = rest }
    }

    /// By the kernel's tables of sockets (proc_pid_net(5)): state 0A is TCP_LISTEN. A connection would be work for the
    /// server, and part of what is measured.
    private static func listens(_ port: UInt16) -> Bool {
        let hex = String(port, radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: 4 - hex.count) + hex
        return ["/proc/self/net/tcp", "/proc/self/net/tcp6"].contains { table in
            String(decoding: readWholeFile(table) ?? [], as: UTF8.self).split(separator: "\n").contains { line in
                let fields = line.split(separator: " ")
                return fields.count > 3 && fields[1].hasSuffix(suffix) && fields[3] == "0A"
            }
        }
    }
}
