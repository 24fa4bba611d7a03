import Collector
import Glibc
import IOModel
import ProbeLoader

/// The tracer of a lab: attached once, with one worker after the other as its target.
final class LabTracer {
    let tool: Tool
    private(set) var losses = Losses()
    private var attached: AttachedProbes
    private var table = ProcessTable(names: SystemNames())

    /// - Parameter timed: every call is timed.
    init(timed: Bool = false) throws {
        do {
            let configuration = TracerConfiguration(
                target: .pids([], awaitingExec: false), follow: false, ownPID: UInt32(getpid()))
            attached = try LoadedProbes(configuration).attach()
            if timed, let error = attached.timeEntries(true) { throw error }
        } catch { throw CommandFailure("\(error)") }
        tool = Tool(kernel: TraceSession.kernelRelease(), probes: attached.probes)
    }

    /// From here on a worker is traced.
    func begin(_ worker: LabWorker) throws {
        do {
            try attached.addTarget(pid: UInt32(worker.pid), awaitingExec: false)
            _ = try attached.seed()
        } catch { throw CommandFailure("\(error)") }
    }

    /// Reads every counter. Returns the worker's; nil when it has none yet.
    func figures(of worker: LabWorker) throws -> ProcessFigures? {
        do {
            let snapshot = try attached.snapshot()
            let change = try table.absorb(snapshot) { body throws(ProbeError) in try attached.forEachThread(body) }
            attached.forget(
                processes: change.endedProcesses, files: change.closedFiles, unused: change.unusedFiles, in: snapshot)
            losses = snapshot.losses
        } catch { throw CommandFailure("\(error)") }
        return table.processes.last { $0.identity.pid == UInt32(worker.pid) }
    }
}
