import CLinuxShims
import Collector
import Glibc
import IOModel
import ProbeLoader

/// Traces transfers one after the other, each in a worker process that waits before and after it.
final class TransferSession {
    let tool: Tool
    private let directory: String
    private let bytes: UInt64
    private let circumstances: TransferExpectation.Circumstances
    private let isOnDisk: Bool
    private var attached: AttachedProbes
    private var table = ProcessTable(names: SystemNames())
    private var losses = Losses()

    /// Rows whose expectation is that of a file on a disk.
    private static let diskRows: Set<String> = [
        "sendfile-direct", "direct-file", "direct-unaligned", "aio-direct", "uring-fixed-direct", "read-write-cold",
        "mmap-write-cold", "sendfile-cold", "write-fsync",
    ]

    init(directory: String, bytes: UInt64) throws {
        self.directory = directory
        self.bytes = bytes
        let system = try FileSystemKind(of: directory)
        circumstances = .init(mayReflink: system.mayReflink)
        isOnDisk = system.isOnDisk
        do {
            let configuration = TracerConfiguration(
                target: .pids([], awaitingExec: false), follow: false, ownPID: UInt32(getpid()))
            attached = try LoadedProbes(configuration).attach()
        } catch { throw CommandFailure("\(error)") }
        tool = Tool(kernel: TraceSession.kernelRelease(), probes: attached.probes)
    }

    /// - Parameter contradict: claim the contrary of the expectation.
    func run(name: String, title: String, contradict: Bool) throws -> TransferResult {
        func notRun(_ why: String) -> TransferResult {
            TransferResult(name: name, title: title, bytes: 0, outcome: .notRun(why))
        }
        if !isOnDisk && Self.diskRows.contains(name) {
            return notRun("\(directory) is not on a disk, as far as is known; give another --directory")
        }
        let worker = try TransferWorker(name: name, bytes: bytes, directory: directory)
        defer { worker.end() }
        let promised: UInt64
        switch try worker.nextAnswer() {
        case .ready(let bytes): promised = bytes
        case .unavailable(let why): return notRun(why)
        case .failed(let what):
            return TransferResult(name: name, title: title, bytes: 0, outcome: .failed(what))
        case .done: throw CommandFailure("lab row \(name): its worker did not wait for the start")
        }
        try worker.waitUntilItWaits()
        let lossesBefore = losses
        do {
            try attached.addTarget(pid: UInt32(worker.pid), awaitingExec: false)
            _ = try attached.seed()
        } catch { throw CommandFailure("\(error)") }
        try worker.start()
        let answer = try worker.nextAnswer()
        if case .failed(let what) = answer {
            return TransferResult(name: name, title: title, bytes: 0, outcome: .failed(what))
        }
        guard case .done(let moved, let nanoseconds, let answerBytes) = answer else {
            throw CommandFailure("lab row \(name): its worker did not do the transfer")
        }
        guard moved == promised else {
            throw CommandFailure("lab row \(name): its worker moved \(moved) of \(promised) bytes")
        }
        try worker.waitUntilItWaits()
        let figures = try settledFigures(of: worker)
        guard
            var measurement = TransferMeasurement(
                process: figures, answer: answerBytes, nanoseconds: nanoseconds,
                losses: losses.since(lossesBefore).sum)
        else { throw CommandFailure("lab row \(name): there is no ledger") }
        if !tool.isAttached("count_mapped") { measurement.mapped = nil }
        let result = { TransferResult(name: name, title: title, bytes: moved, outcome: $0) }
        guard let expectation = TransferExpectation.of(name, bytes: moved, in: circumstances) else {
            return result(.notJudged(measurement, "this file system may share extents instead of copying"))
        }
        return result(.judged(measurement, contradict ? expectation.contradicted : expectation))
    }

    /// The worker's figures, once what it sent has reached the device: that happens behind its back.
    private func settledFigures(of worker: TransferWorker) throws -> ProcessFigures {
        var figures: ProcessFigures?
        var (unresolved, unchanged) = (UInt64.max, 0)
        for _ in 0..<3000 {
            do {
                let snapshot = try attached.snapshot()
                let change = table.absorb(snapshot)
                attached.forget(processes: change.endedProcesses, files: change.closedFiles, in: snapshot)
                losses = snapshot.losses
            } catch { throw CommandFailure("\(error)") }
            figures = table.processes.last { $0.identity.pid == UInt32(worker.pid) }
            if let figures {
                let left = Copies(of: figures)?.unresolved ?? 0
                unchanged = left == unresolved ? unchanged + 1 : 0
                unresolved = left
                if left == 0 || unchanged == 200 { return figures }  // nothing has come for two seconds
            }
            usleep(10_000)
        }
        guard let figures else { throw CommandFailure("the lab's worker was not traced") }
        return figures
    }
}

/// What the directory's file system can do. statfs(2): f_type.
private struct FileSystemKind {
    let mayReflink: Bool
    let isOnDisk: Bool

    init(of directory: String) throws {
        let kind = file_system_type(directory)
        guard kind >= 0 else {
            throw CommandFailure("--directory \(visible(directory)): \(ProbeError.name(of: Int32(-kind)))")
        }
        // linux/magic.h
        let (xfs, btrfs, bcachefs, ocfs2): (Int64, Int64, Int64, Int64) = (
            0x5846_5342, 0x9123_683E, 0xCA45_1A4E, 0x7461_636F
        )
        let (ext4, f2fs): (Int64, Int64) = (0xEF53, 0xF2F5_2010)
        mayReflink = [xfs, btrfs, bcachefs, ocfs2].contains(kind)
        isOnDisk = [ext4, f2fs, xfs, btrfs, bcachefs, ocfs2].contains(kind)
    }
}

/// One worker of the lab: this executable again, as `iotrace lab-worker`. Sources/TransferLab has its protocol.
final class TransferWorker {
    enum Answer {
        case ready(UInt64)
        case unavailable(String)
        case failed(String)
        case done(bytes: UInt64, nanoseconds: UInt64, answerBytes: UInt64)
    }

    static let command = "lab-worker"
    /// Seconds: a disk may be slow, but not that slow.
    private static let patience: Int32 = 120

    private let child: piped_child
    private var ended = false

    var pid: pid_t { child.pid }

    init(name: String, bytes: UInt64, directory: String) throws {
        let words = ["iotrace", Self.command, name, "\(bytes)", directory]
        let arguments = words.map { strdup($0) } + [nil]
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
        switch words.first {
        case "ready": if let bytes = UInt64(rest) { return .ready(bytes) }
        case "unavailable": return .unavailable(rest)
        case "failed": return .failed(rest)
        case "done":
            let numbers = rest.split(separator: " ").compactMap { UInt64($0) }
            if numbers.count == 2 {
                return .done(bytes: numbers[0], nanoseconds: numbers[1], answerBytes: UInt64(line.count))
            }
        default: break
        }
        throw CommandFailure("the lab's worker said \(visible(text))")
    }

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

    func end() {
        guard !ended else { return }
        ended = true
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
