public import IOModel
internal import JSON

/// The report as the JSON document `iotrace.report/1` (docs/schema/report-1.schema.json).
public struct ReportDocument {
    private let report: Report

    public init(_ report: Report) { self.report = report }

    /// UTF-8, with a final newline.
    public func rendered() -> [UInt8] { value.encoded(indent: 2) + [UInt8(ascii: "\n")] }

    var value: JSONValue {
        let totals = report.totals
        return [
            "schema": "iotrace.report/1",
            "tool": Self.tool(report.tool),
            "window": Self.window(report.window),
            "losses": Self.losses(report.losses),
            "overhead": overhead,
            "warnings": .array(
                report.warnings.map {
                    ["code": .string($0.code), "message": .string($0.message), "advice": .string($0.advice)]
                }),
            "processes": .array(
                report.processes.map {
                    .object(identity($0.identity) + figures($0, ModelsDocument($0), files: files($0)))
                }),
            "totals": .object(
                figures(totals, ModelsDocument(report.processes, total: totals), files: .null)),
        ]
    }

    static func tool(_ tool: Tool) -> JSONValue {
        [
            "version": .string(tool.version), "kernel": .string(tool.kernel), "tier": .string(tool.tier),
            "probes": .array(
                tool.probes.map {
                    ["name": .string($0.name), "attached": .bool($0.attached), "reason": JSONValue($0.reason)]
                }),
        ]
    }

    static func window(_ window: Window) -> JSONValue {
        [
            "started_unix_ns": .unsigned(window.startedUnixNanoseconds), "duration_ns": .unsigned(window.duration),
            "end": JSONValue(window.end?.rawValue), "in_flight_at_start": .unsigned(window.inFlightAtStart),
            "in_flight_at_end": .unsigned(window.inFlightAtEnd),
        ]
    }

    static func losses(_ losses: Losses) -> JSONValue {
        [
            "map_full": .unsigned(
                losses.processMapFull &+ losses.callMapFull &+ losses.fileMapFull &+ losses.latencyMapFull
                    &+ losses.ledgerMapFull),
            "process_map_full": .unsigned(losses.processMapFull), "call_map_full": .unsigned(losses.callMapFull),
            "file_map_full": .unsigned(losses.fileMapFull), "latency_map_full": .unsigned(losses.latencyMapFull),
            "ledger_map_full": .unsigned(losses.ledgerMapFull), "mapping_busy": .unsigned(losses.mappingBusy),
            "uring_unnamed": .unsigned(losses.uringUnnamed), "probe_skipped": .unsigned(losses.probeSkipped),
            "storage_failed": .unsigned(losses.threadStorageFailed),
            "thread_storage_failed": .unsigned(losses.threadStorageFailed),
            "user_read_failed": .unsigned(losses.userReadFailed), "ring_dropped": .unsigned(losses.ringDropped),
        ]
    }

    /// The share is of the CPU time that the target used itself.
    private var overhead: JSONValue {
        let cost = report.overhead
        let target = report.processes.reduce(0) { $0 &+ $1.totals.onCPU }
        return [
            "probe_ns": JSONValue(cost.probeNanoseconds), "probe_runs": JSONValue(cost.probeRuns),
            "added_ns": JSONValue(cost.addedNanoseconds),
            "collector_cpu_ns": JSONValue(cost.collectorNanoseconds),
            "collector_memory_bytes": JSONValue(cost.collectorMemory),
            "cpu_share": JSONValue(cost.share(ofTarget: target)),
            "estimated": true,
        ]
    }

    private typealias Members = [(key: String, value: JSONValue)]

    private func identity(_ identity: ProcessIdentity) -> Members {
        [
            ("pid", .unsigned(UInt64(identity.pid))), ("ppid", .unsigned(UInt64(identity.ppid))),
            ("comm", .string(identity.comm)),
            ("command", identity.command.map { .array($0.map { .string($0) }) } ?? .null),
            ("command_truncated", .bool(identity.commandTruncated)), ("cgroup", JSONValue(identity.cgroup)),
            ("started_in_window", .bool(identity.startedInWindow)), ("exited", .bool(identity.exited)),
            ("exit_status", identity.exitStatus.map { .integer(Int64($0)) } ?? .null),
        ]
    }

    private func figures(_ process: ProcessFigures, _ models: ModelsDocument, files: JSONValue) -> Members {
        let totals = process.totals
        let ledger = CopiesDocument(process: process, knowsMappings: report.tool.isAttached("count_mapped"))
        let requests = RequestsDocument(process: process)
        return [
            ("threads", .unsigned(process.threads)),
            (
                "syscalls",
                [
                    "total": .unsigned(process.callCount), "errors": .unsigned(process.errorCount),
                    "by_name": .object(
                        process.calls.map { number, _ in (SyscallNames.name(of: number), call(number, of: process)) }
                            .sorted { $0.0 < $1.0 }),
                ]
            ),
            (
                "switches",
                [
                    "mode": .unsigned(process.modeSwitches), "voluntary": .unsigned(totals.voluntary),
                    "involuntary": .unsigned(totals.involuntary),
                ]
            ),
            (
                "time",
                [
                    "observed_ns": .unsigned(totals.observed), "on_cpu_ns": .unsigned(totals.onCPU),
                    "blocked_ns": .unsigned(totals.blocked), "runqueue_ns": .unsigned(totals.runQueue),
                    "residual_ns": .integer(totals.residual),
                    "blocked_by_cause": .object(
                        BlockingCause.allCases.map { ($0.key, .unsigned(totals[$0])) }),
                ]
            ),
            ("phases", models.phases),
            (
                "startup",
                [
                    "operations": .unsigned(totals.startupOperations), "bytes_in": .unsigned(totals.startupBytesIn),
                    "bytes_out": .unsigned(totals.startupBytesOut),
                ]
            ),
            ("copies", ledger.copies), ("copies_by_thread", ledger.byThread), ("copy_pairs", ledger.pairs),
            ("copy_paths", ledger.copyPaths), ("models", models.models), ("tags", models.tags),
            ("quadrants", models.quadrants),
            (
                "event_loop",
                [
                    "wakeups": .unsigned(totals.wakeups), "idle_wakeups": .unsigned(totals.idleWakeups),
                    "sync_calls": .unsigned(totals.loopSyncCalls), "sync_blocked_ns": .unsigned(totals.loopSync),
                    "file_calls": .unsigned(totals.loopFileCalls), "file_blocked_ns": .unsigned(totals.loopFile),
                    "blocking_calls": .unsigned(totals.loopBlockingCalls),
                    "blocking_blocked_ns": .unsigned(totals.loopBlocking),
                ]
            ),
            (
                "signals",
                [
                    "sent": .unsigned(totals.signalsSent), "merged": .unsigned(totals.signalsMerged),
                    "handled": .unsigned(totals.signalsHandled),
                ]
            ),
            ("files", files), ("uring", requests.uring), ("aio", requests.aio),
            ("posix_aio_operations", .unsigned(totals.posixAIOOperations)), ("findings", models.findings),
        ]
    }

    private func call(_ number: UInt32, of process: ProcessFigures) -> JSONValue {
        let call = process.calls[number] ?? CallFigures()
        let time = process.time(of: number)
        return [
            "count": .unsigned(call.count), "errors": .unsigned(call.errors), "bytes": .unsigned(call.bytes),
            "time_ns": JSONValue(time?.nanoseconds), "estimated": .bool(time?.estimated ?? false),
            "blocked_ns": .unsigned(call.blocked), "runqueue_ns": .unsigned(call.runQueue),
            "sleeps": .unsigned(call.sleeps),
            "latency_ns": process.latencies[number].map { $0.document(of: call.count) } ?? .null,
            "copy_cpu_share": CopiesDocument.share(process.samples[number]),
        ]
    }

    private func files(_ process: ProcessFigures) -> JSONValue {
        let ledger = CopiesDocument(process: process, knowsMappings: false)
        return .array(
            process.files.sorted { $0.key < $1.key }.map { id, file in
                [
                    "fd": .integer(Int64(file.identity.fd)), "type": .string(file.identity.type.rawValue),
                    "path": JSONValue(file.identity.path), "local": JSONValue(file.identity.local),
                    "peer": JSONValue(file.identity.peer), "nonblocking": .bool(file.identity.nonblocking),
                    "in_epoll": .bool(file.identity.inEpoll), "operations": .unsigned(file.operations),
                    "bytes_in": .unsigned(file.bytesIn), "bytes_out": .unsigned(file.bytesOut),
                    "copies": ledger.copies(ofFile: id, file),
                    "blocked_ns": .unsigned(file.blocked), "models": ModelsDocument.models(of: file, in: process),
                    "opens": .unsigned(file.opens),
                ]
            })
    }
}
