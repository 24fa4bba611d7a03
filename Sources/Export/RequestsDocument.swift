internal import IOModel
internal import JSON

/// The keys of the document for requests that complete later: `uring` and `aio`.
struct RequestsDocument {
    let process: ProcessFigures

    /// null without io_uring.
    var uring: JSONValue {
        let opcodes = process.uring
        guard !opcodes.isEmpty || !process.rings.isEmpty else { return nil }
        let all = opcodes.values.reduce(into: RequestFigures()) { $0 += $1.figures }
        return [
            "rings": .unsigned(UInt64(process.rings.count)),
            "sq_poll": .bool(process.rings.values.contains(where: \.pollsSubmissions)),
            "submitted": .unsigned(process.totals.uringSubmitted), "completed": .unsigned(all.completed),
            "notifications": .unsigned(all.notifications &+ all.multishot),
            "overflows": .unsigned(process.rings.values.reduce(0) { $0 &+ $1.overflows }),
            "worker_cpu_ns": .unsigned(process.totals.workerOnCPU),
            "sq_poll_cpu_ns": .unsigned(process.totals.submissionPollOnCPU),
            "by_opcode": Self.rows(opcodes, name: Operation.uringName),
            "by_ring": .array(rings),
        ]
    }

    /// Rings in the order of their fds, then those without a known one.
    private var rings: [JSONValue] {
        process.rings.sorted { ($0.value.fd ?? .max, $0.key) < ($1.value.fd ?? .max, $1.key) }.map { id, ring in
            let opcodes = process.uring(ofRing: id)
            let all = opcodes.values.reduce(into: RequestFigures()) { $0 += $1.figures }
            return [
                "fd": ring.fd.map { .integer(Int64($0)) } ?? .null, "sq_poll": .bool(ring.pollsSubmissions),
                "submitted": .unsigned(all.submitted), "completed": .unsigned(all.completed),
                "overflows": .unsigned(ring.overflows), "by_opcode": Self.rows(opcodes, name: Operation.uringName),
            ]
        }
    }

    /// null without Linux AIO.
    var aio: JSONValue {
        let commands = process.aio
        guard !commands.isEmpty else { return nil }
        let all = commands.values.reduce(into: RequestFigures()) { $0 += $1.figures }
        return [
            "contexts": .unsigned(UInt64(process.aioContexts.count)), "submitted": .unsigned(all.submitted),
            "completed": .unsigned(all.completed), "errors": .unsigned(all.errors), "bytes": .unsigned(all.bytes),
            "by_command": .object(
                commands.map { command, sum in
                    (
                        Operation.aioName(command),
                        [
                            "submitted": .unsigned(sum.figures.submitted), "count": .unsigned(sum.figures.completed),
                            "errors": .unsigned(sum.figures.errors), "bytes": .unsigned(sum.figures.bytes),
                            "latency_ns": Self.latency(sum),
                        ]
                    )
                }.sorted { $0.0 < $1.0 }),
        ]
    }

    private static func rows(_ sums: [UInt32: RequestSum], name: (UInt32) -> String) -> JSONValue {
        .object(
            sums.map { opcode, sum in
                let figures = sum.figures
                return (
                    name(opcode),
                    [
                        "submitted": .unsigned(figures.submitted), "count": .unsigned(figures.completed),
                        "errors": .unsigned(figures.errors), "bytes": .unsigned(figures.bytes),
                        "inline": .unsigned(figures.inline), "poll_armed": .unsigned(figures.pollArmed),
                        "punted": .unsigned(figures.punted), "linked": .unsigned(figures.linked),
                        "cancelled": .unsigned(figures.cancelled), "notifications": .unsigned(figures.notifications),
                        "multishot": .unsigned(figures.multishot), "latency_ns": latency(sum),
                    ]
                )
            }.sorted { $0.0 < $1.0 })
    }

    private static func latency(_ sum: RequestSum) -> JSONValue {
        sum.latency.isZero ? .null : sum.latency.document(of: sum.figures.completed)
    }
}
