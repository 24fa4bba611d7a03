import CLinuxShims
import Collector
import Glibc
import ProbeLoader

/// One worker of a lab: this executable again, with a word that asks for a worker. Sources/TransferLab and Sources/ModelLab
/// have the protocols, which share their answers.
final class LabWorker {
    enum Answer {
        /// What will be done, in numbers.
        case ready([UInt64])
        case unavailable(String)
        case failed(String)
        /// What was done, in numbers, and the bytes of the answer itself.
        case done([UInt64], answerBytes: UInt64)
    }

    /// Seconds: a disk may be slow, but not that slow.
    private static let patience: Int32 = 120

    private let child: piped_child
    private var ended = false

    var pid: pid_t { child.pid }

    init(_ words: [String]) throws {
        let arguments = (["iotrace"] + words).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child = piped_child()
        let failure = spawn_self(arguments, &child)
        guard failure == 0 else { throw CommandFailure("starting a worker: \(ProbeError.name(of: failure))") }
        self.child = child
    }

    func nextAnswer() throws -> Answer {
        var line: [UInt8] = []
        while line.last != UInt8(ascii: "\n") {
            var poller = pollfd(fd: child.output, events: Int16(POLLIN), revents: 0)
            let ready = poll(&poller, 1, Self.patience * 1000)
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else { throw CommandFailure("the lab's worker does not answer") }
            var byte: UInt8 = 0
            let count = read(child.output, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            guard count == 1 else { throw CommandFailure("the lab's worker ended early") }
            line.append(byte)
        }
        let text = String(decoding: line.dropLast(), as: UTF8.self)
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        let rest = words.count > 1 ? words[1] : ""
        let numbers = rest.split(separator: " ").compactMap { UInt64($0) }
        switch words.first {
        case "ready" where !numbers.isEmpty: return .ready(numbers)
        case "unavailable": return .unavailable(rest)
        case "failed": return .failed(rest)
        case "done" where numbers.count == 2: return .done(numbers, answerBytes: UInt64(line.count))
        default: throw CommandFailure("the lab's worker said \(visible(text))")
        }
    }

    /// For workers that begin when they have read a byte.
    func start() throws {
        var byte = UInt8(ascii: "g")
        guard write(child.input, &byte, 1) == 1 else {
            throw CommandFailure("starting the transfer: \(ProbeError.name(of: errno))")
        }
    }

    /// Until it sleeps in read(0, …): what it did before has then been counted, or not, as a whole.
    func waitUntilItWaits() throws {
        for _ in 0..<10_000 {
            let state = String(decoding: readWholeFile("/proc/\(pid)/syscall") ?? [], as: UTF8.self)
            if state.hasPrefix("0 0x0 ") { return }
            usleep(500)
        }
        throw CommandFailure("the lab's worker does not wait")
    }

    /// For workers that stop themselves: until all their threads stand still.
    func waitUntilItStops() throws {
        var status: Int32 = 0
        for _ in 0..<Int(Self.patience) * 1000 {
            let changed = waitpid(pid, &status, WUNTRACED | WNOHANG)
            if changed == pid {
                if status_stopped(status) != 0 { return }
                ended = true
                throw CommandFailure("the lab's worker ended early")
            }
            if changed < 0 && errno != EINTR {
                throw CommandFailure("waiting for the lab's worker: \(ProbeError.name(of: errno))")
            }
            usleep(1000)
        }
        throw CommandFailure("the lab's worker does not come to its end")
    }

    func goOn() { kill(pid, SIGCONT) }

    func end() {
        guard !ended else { return }
        ended = true
        goOn()
        close(child.input)
        close(child.output)
        var status: Int32 = 0
        for attempt in 0...500 {  // five seconds to clean up
            if attempt == 500 { kill(pid, SIGKILL) }
            if waitpid(pid, &status, attempt == 500 ? 0 : WNOHANG) != 0 && errno != EINTR { return }
            usleep(10_000)
        }
    }
}
