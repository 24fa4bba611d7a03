import Glibc
import IOModel

/// Traces programs of the model lab one after the other, each in a worker process that stops itself before and after it.
final class ModelSession {
    /// The word that asks this executable for a worker.
    static let worker = "lab-model-worker"

    var tool: Tool { tracer.tool }
    private let directory: String
    private let isOnDisk: Bool
    private let messages: UInt64
    /// Nanoseconds before each message.
    private let gap: UInt64
    private let tracer: LabTracer

    /// Rows whose expectation is that of a file on a disk.
    private static let diskRows: Set<String> = ["linux-aio-direct"]

    init(directory: String, messages: UInt64, gap: UInt64) throws {
        self.directory = directory
        self.messages = messages
        self.gap = gap
        isOnDisk = try FileSystemKind(of: directory).isOnDisk
        tracer = try LabTracer(timed: true)
    }

    /// - Parameter contradict: claim the contrary of the expectation.
    func run(name: String, title: String, contradict: Bool) throws -> ModelTrial {
        guard let program = ModelProgram.named(name) else {
            throw CommandFailure("lab row \(name): nothing is known of it")
        }
        var trial = ModelTrial(name: name, title: title, program: program, outcome: .notRun(""))
        if !isOnDisk && Self.diskRows.contains(name) {
            trial.outcome = .notRun("\(directory) is not on a disk, as far as is known; give another --directory")
            return trial
        }
        let worker = try LabWorker([Self.worker, name, "\(messages)", "\(gap)", directory])
        defer { worker.end() }
        switch try worker.nextAnswer() {
        case .ready(let numbers) where numbers.count == 3:
            // Without a peer there are no gaps.
            let gaps = numbers[2] > 0 ? numbers[0] * gap : 0
            if program.receivers > 1 { trial.program.receivers = numbers[2] }
            trial.load = ModelExpectation.Load(messages: numbers[0], bytes: numbers[1], gaps: gaps)
        case .unavailable(let why):
            trial.outcome = .notRun(why)
            return trial
        case .failed(let what):
            trial.outcome = .failed(what)
            return trial
        default: throw CommandFailure("lab row \(name): its worker did not wait for the start")
        }
        try worker.waitUntilItStops()
        let lossesBefore = tracer.losses
        try tracer.begin(worker)
        worker.goOn()
        try worker.waitUntilItStops()
        let figures = try settledFigures(of: worker)
        worker.goOn()
        switch try worker.nextAnswer() {
        case .done(let numbers, _):
            let measurement = ModelMeasurement(
                process: figures, nanoseconds: numbers[1], losses: tracer.losses.since(lossesBefore).sum)
            guard let load = trial.load, let expectation = ModelExpectation.of(name, under: load) else {
                throw CommandFailure("lab row \(name): nothing is expected of it")
            }
            trial.outcome = .judged(measurement, contradict ? expectation.contradicted : expectation)
        case .failed(let what): trial.outcome = .failed(what)
        default: throw CommandFailure("lab row \(name): its worker did not run the program")
        }
        return trial
    }

    /// The worker's figures, once two readings agree: threads that have ended hand theirs over on their way out.
    private func settledFigures(of worker: LabWorker) throws -> ProcessFigures {
        var earlier: ProcessFigures?
        for _ in 0..<1000 {
            let figures = try tracer.figures(of: worker)
            if let figures, figures.calls == earlier?.calls, figures.files == earlier?.files { return figures }
            earlier = figures
            usleep(2000)
        }
        throw CommandFailure("the figures of the lab's worker do not settle")
    }
}
