public import IOModel
internal import JSON

/// The outcome of `iotrace lab models` as the JSON document `iotrace.lab.models/1`.
public struct ModelLabDocument {
    private let trials: [ModelTrial]
    private let tool: Tool

    public init(_ trials: [ModelTrial], tool: Tool) {
        self.trials = trials
        self.tool = tool
    }

    /// UTF-8, with a final newline.
    public func rendered() -> [UInt8] {
        let value: JSONValue = [
            "schema": "iotrace.lab.models/1",
            "tool": ["version": .string(tool.version), "kernel": .string(tool.kernel), "tier": .string(tool.tier)],
            "rows": .array(trials.map(row)),
        ]
        return value.encoded(indent: 2) + [UInt8(ascii: "\n")]
    }

    private func row(_ trial: ModelTrial) -> JSONValue {
        let (verdict, reason): (String, String?) =
            switch trial.outcome {
            case .notRun(let why): ("not_run", why)
            case .failed(let what): ("failed", what)
            case .judged: (trial.differences.isEmpty ? "as_expected" : "different", nil)
            }
        return [
            "name": .string(trial.name), "title": .string(trial.title), "verdict": .string(verdict),
            "differences": .array(trial.differences.map { .string($0) }), "reason": JSONValue(reason),
            "load": trial.load.map(load) ?? nil, "expected": trial.expectation.map(expectation) ?? nil,
            "measured": trial.measurement.map { measurement($0, trial) } ?? nil,
        ]
    }

    private func load(_ load: ModelExpectation.Load) -> JSONValue {
        [
            "messages": .unsigned(load.messages), "bytes": .unsigned(load.bytes), "gaps_ns": .unsigned(load.gaps),
        ]
    }

    private func expectation(_ row: ModelExpectation) -> JSONValue {
        func sleeps(_ sleeps: [ModelExpectation.Sleep]) -> JSONValue {
            .array(
                sleeps.map {
                    ["calls": .array($0.calls.map { .string($0) }), "time_ns": .unsigned($0.nanoseconds)]
                })
        }
        let models = row.models.sorted { ($0.model, $0.subModel ?? "") < ($1.model, $1.subModel ?? "") }
        return [
            "tags": .array(row.tags.map { .string($0) }),
            "models": .array(models.map { ["model": .string($0.model), "sub_model": JSONValue($0.subModel)] }),
            "bytes": .unsigned(row.bytes),
            "operations": .object(
                Quadrant.allCases.map { ($0.rawValue, JSONValue(row.operations[$0]?.words)) }),
            "quadrant": JSONValue(row.time?.quadrant.rawValue), "quadrant_time_ns": JSONValue(row.time?.nanoseconds),
            "asleep_at_least": sleeps(row.asleep), "asleep_at_most": sleeps(row.awake),
            "busy_ns": JSONValue(row.busy), "wait_ns": JSONValue(row.wait),
        ]
    }

    private func measurement(_ row: ModelMeasurement, _ trial: ModelTrial) -> JSONValue {
        let caller = CallerTime(row, of: trial.program)
        return [
            "tags": .array(row.tags.map { .string($0) }),
            "models": .array(row.models.map(ModelsDocument.row)), "bytes": .unsigned(row.bytes),
            "quadrants": ModelsDocument.quadrants(row.quadrants), "phases": ModelsDocument.phases(row.phases),
            "duration_ns": .unsigned(row.nanoseconds), "on_cpu_ns": .unsigned(row.onCPU),
            "kernel_threads_on_cpu_ns": .unsigned(row.kernelThreadsOnCPU), "eagain": .unsigned(row.again),
            "eagain_on_cpu_ns": JSONValue(row.againOnCPU),
            "caller": [
                "time_ns": .unsigned(caller.whole), "asleep_ns": .unsigned(caller.asleep),
                "busy_ns": JSONValue(caller.busy), "runqueue_ns": .unsigned(caller.runQueue),
                "free_ns": JSONValue(caller.free),
            ],
            "transfer_ns": JSONValue(trial.transfer),
            "calls": .object(row.calls.sorted { $0.key < $1.key }.map { ($0.key, call($0.value)) }),
            "losses": .unsigned(row.losses),
        ]
    }

    private func call(_ call: ModelMeasurement.Call) -> JSONValue {
        [
            "count": .unsigned(call.count), "errors": .unsigned(call.errors), "blocked_ns": .unsigned(call.blocked),
            "runqueue_ns": .unsigned(call.runQueue), "on_cpu_ns": JSONValue(call.onCPU),
        ]
    }
}
