import Glibc
import IOModel

/// Traces transfers one after the other, each in a worker process that waits before and after it.
final class TransferSession {
    /// The word that asks this executable for a worker.
    static let worker = "lab-worker"

    var tool: Tool { tracer.tool }
    private let directory: String
    private let bytes: UInt64
    private let circumstances: TransferExpectation.Circumstances
    private let isOnDisk: Bool
    private let tracer: LabTracer

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
        tracer = try LabTracer()
    }

    /// - Parameter contradict: claim the contrary of the expectation.
    func run(name: String, title: String, contradict: Bool) throws -> TransferResult {
        func notRun(_ why: String) -> TransferResult {
            TransferResult(name: name, title: title, bytes: 0, outcome: .notRun(why))
        }
        if !isOnDisk && Self.diskRows.contains(name) {
            return notRun("\(directory) is not on a disk, as far as is known; give another --directory")
        }
        let worker = try LabWorker([Self.worker, name, "\(bytes)", directory])
        defer { worker.end() }
        let promised: UInt64
        switch try worker.nextAnswer() {
        case .ready(let numbers): promised = numbers[0]
        case .unavailable(let why): return notRun(why)
        case .failed(let what):
            return TransferResult(name: name, title: title, bytes: 0, outcome: .failed(what))
        case .done: throw CommandFailure("lab row \(name): its worker did not wait for the start")
        }
        try worker.waitUntilItWaits()
        let lossesBefore = tracer.losses
        try tracer.begin(worker)
        try worker.start()
        let answer = try worker.nextAnswer()
        if case .failed(let what) = answer {
            return TransferResult(name: name, title: title, bytes: 0, outcome: .failed(what))
        }
        guard case .done(let numbers, let answerBytes) = answer else {
            throw CommandFailure("lab row \(name): its worker did not do the transfer")
        }
        let (moved, nanoseconds) = (numbers[0], numbers[1])
        guard moved == promised else {
            throw CommandFailure("lab row \(name): its worker moved \(moved) of \(promised) bytes")
        }
        try worker.waitUntilItWaits()
        let figures = try settledFigures(of: worker)
        guard
            var measurement = TransferMeasurement(
                process: figures, answer: answerBytes, nanoseconds: nanoseconds,
                losses: tracer.losses.since(lossesBefore).sum)
        else { throw CommandFailure("lab row \(name): there is no ledger") }
        if !tool.isAttached("count_mapped") { measurement.mapped = nil }
        let result = { TransferResult(name: name, title: title, bytes: moved, outcome: $0) }
        guard let expectation = TransferExpectation.of(name, bytes: moved, in: circumstances) else {
            return result(.notJudged(measurement, "this file system may share extents instead of copying"))
        }
        return result(.judged(measurement, contradict ? expectation.contradicted : expectation))
    }

    /// The worker's figures, once what it sent has reached the device: that happens behind its back.
    private func settledFigures(of worker: LabWorker) throws -> ProcessFigures {
        var figures: ProcessFigures?
        var (unresolved, unchanged) = (UInt64.max, 0)
        for _ in 0..<3000 {
            figures = try tracer.figures(of: worker)
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
