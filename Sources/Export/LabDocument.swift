public import IOModel
internal import JSON

/// The outcome of `iotrace lab transfers` as the JSON document `iotrace.lab/1`.
public struct LabDocument {
    private let results: [TransferResult]
    private let tool: Tool

    public init(_ results: [TransferResult], tool: Tool) {
        self.results = results
        self.tool = tool
    }

    /// UTF-8, with a final newline.
    public func rendered() -> [UInt8] {
        let value: JSONValue = [
            "schema": "iotrace.lab/1",
            "tool": ["version": .string(tool.version), "kernel": .string(tool.kernel), "tier": .string(tool.tier)],
            "rows": .array(results.map(row)),
        ]
        return value.encoded(indent: 2) + [UInt8(ascii: "\n")]
    }

    private func row(_ result: TransferResult) -> JSONValue {
        var members: [(key: String, value: JSONValue)] = [
            ("name", .string(result.name)), ("title", .string(result.title)), ("bytes", .unsigned(result.bytes)),
            ("verdict", .string(verdict(result))),
            ("differences", .array(result.differences.map { .string($0) })),
        ]
        switch result.outcome {
        case .notRun(let why), .failed(let why):
            members += [("reason", .string(why)), ("expected", nil), ("measured", nil)]
        case .notJudged(let measured, let why):
            members += [("reason", .string(why)), ("expected", nil), ("measured", measurement(measured, result))]
        case .judged(let measured, let expected):
            members += [
                ("reason", nil), ("expected", expectation(expected)), ("measured", measurement(measured, result)),
            ]
        }
        return .object(members)
    }

    private func verdict(_ result: TransferResult) -> String {
        switch result.outcome {
        case .notRun: "not_run"
        case .failed: "failed"
        case .notJudged: "not_judged"
        case .judged: result.differences.isEmpty ? "as_expected" : "different"
        }
    }

    private func expectation(_ row: TransferExpectation) -> JSONValue {
        [
            "user_to_kernel_bytes": .unsigned(row.userToKernel), "kernel_to_user_bytes": .unsigned(row.kernelToUser),
            "kernel_to_kernel_bytes": .unsigned(row.kernelToKernel), "user_to_user_bytes": .unsigned(row.userToUser),
            "avoided_bytes": .unsigned(row.avoided), "unresolved_bytes": .unsigned(row.unresolved),
            "payload_bytes": .unsigned(row.payload), "dma_in_bytes": .string(row.dmaIn.words),
            "dma_out_bytes": .string(row.dmaOut.words), "syscalls": .string(row.calls.words),
            "hidden": hidden(row.hidden),
        ]
    }

    private func measurement(_ row: TransferMeasurement, _ result: TransferResult) -> JSONValue {
        let copies = row.copies
        let mebibytes = Double(result.bytes) / 1_048_576
        return [
            "user_to_kernel_bytes": .unsigned(copies.userToKernel),
            "kernel_to_user_bytes": .unsigned(copies.kernelToUser),
            "kernel_to_kernel_bytes": .unsigned(copies.kernelToKernel),
            "user_to_user_bytes": .unsigned(copies.userToUser), "avoided_bytes": .unsigned(copies.avoided),
            "unresolved_bytes": .unsigned(copies.unresolved), "payload_bytes": .unsigned(copies.payload),
            "mapped_bytes": JSONValue(row.mapped), "dma_in_bytes": .unsigned(copies.dmaIn),
            "dma_out_bytes": .unsigned(copies.dmaOut), "dma_out_deferred_bytes": JSONValue(row.dmaOutDeferred),
            "evidence": [
                "observed_bytes": .unsigned(copies.observed), "derived_bytes": .unsigned(copies.derived),
                "unknown_bytes": .unsigned(copies.unresolved),
            ],
            "hidden": hidden(row.hidden), "syscalls": .unsigned(row.calls), "user_faults": .unsigned(row.userFaults),
            "mode_switches": .unsigned(row.modeSwitches),
            "mode_switches_per_mib": .number(Double(row.modeSwitches) / mebibytes),
            "copies_per_byte": .number(Double(copies.copied) / Double(result.bytes)),
            "duration_ns": .unsigned(row.nanoseconds), "on_cpu_ns": .unsigned(row.onCPU),
            "bytes_per_second": JSONValue(row.bytesPerSecond(of: result.bytes)),
            "cpu_ns_per_gib": .number(row.cpuPerGibibyte(of: result.bytes)), "losses": .unsigned(row.losses),
        ]
    }

    private func hidden(_ codes: [String: UInt64]) -> JSONValue {
        .object(codes.sorted { $0.key < $1.key }.map { ($0.key, .unsigned($0.value)) })
    }
}

extension TransferMeasurement {
    /// nil when the clock did not move.
    func bytesPerSecond(of bytes: UInt64) -> Double? {
        nanoseconds > 0 ? Double(bytes) / Double(nanoseconds) * 1e9 : nil
    }

    /// Nanoseconds of CPU time.
    func cpuPerGibibyte(of bytes: UInt64) -> Double { Double(onCPU) / Double(max(bytes, 1)) * 1_073_741_824 }
}
