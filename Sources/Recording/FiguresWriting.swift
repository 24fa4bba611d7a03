internal import IOModel
internal import JSON

// Figures as JSON, for the lines of a recording. Short arrays keep the lines small; their order is fixed by the field lists,
// which only ever grow at the end.

extension JSONStream {
    mutating func write(_ process: ProcessFigures) {
        object { out in
            out.key("id")
            out.value(process.identity.id)
            out.key("identity")
            out.write(process.identity)
            out.key("threads")
            out.value(process.threads)
            out.key("totals")
            out.write(process.totals)
            out.write("calls", process.calls, by: <) { out, number, call in
                out.values([
                    UInt64(number), call.count, call.errors, call.bytes, call.sleeps, call.blocked, call.runQueue,
                ])
            }
            out.write("latencies", process.latencies, by: <) { out, number, latency in
                out.object { out in
                    out.key("nr")
                    out.value(UInt64(number))
                    out.key("latency")
                    out.write(latency)
                }
            }
            out.write("files", process.files, by: <) { out, id, file in out.write(file, id: id) }
            if let ledger = process.ledger { out.writeLedger(of: process, ledger) }
            if !process.requests.isEmpty || !process.rings.isEmpty { out.writeRequests(of: process) }
        }
    }

    private mutating func write(_ identity: ProcessIdentity) {
        object { out in
            out.key("pid")
            out.value(UInt64(identity.pid))
            out.key("ppid")
            out.value(UInt64(identity.ppid))
            out.key("comm")
            out.value(identity.comm)
            out.key("command")
            if let command = identity.command {
                out.array { out in for argument in command { out.value(argument) } }
            } else {
                out.null()
            }
            out.key("command_truncated")
            out.value(identity.commandTruncated)
            out.key("cgroup")
            out.value(identity.cgroup)
            out.key("started_in_window")
            out.value(identity.startedInWindow)
            out.key("exited")
            out.value(identity.exited)
            out.key("exit_status")
            if let status = identity.exitStatus { out.value(Int64(status)) } else { out.null() }
        }
    }

    private mutating func write(_ totals: Totals) {
        let counters = totals.counters
        values(counters[..<Totals.firstFields] + totals.causes + counters[Totals.firstFields...])
    }

    private mutating func write(_ file: FileFigures, id: UInt64) {
        object { out in
            out.key("id")
            out.value(id)
            out.key("identity")
            out.write(file.identity)
            out.key("counters")
            out.values([file.operations, file.bytesIn, file.bytesOut, file.blocked, file.opens])
            out.key("ledger")  // most files have nothing in theirs
            out.values(file.ledger.isZero ? [] : file.ledger.counters)
            out.key("models")
            out.values([file.again] + file.models.flatMap { [$0.operations, $0.bytes] })
        }
    }

    private mutating func write(_ file: FileIdentity?) {
        guard let file else { return null() }
        object { out in
            out.key("fd")
            out.value(Int64(file.fd))
            out.key("type")
            out.value(file.type.rawValue)
            out.key("path")
            out.value(file.path)
            out.key("local")
            out.value(file.local)
            out.key("peer")
            out.value(file.peer)
            out.key("nonblocking")
            out.value(file.nonblocking)
            out.key("in_epoll")
            out.value(file.inEpoll)
            out.key("device")
            out.value(UInt64(file.device.rawValue))
            out.key("zerocopy_operation")
            out.value(UInt64(file.zeroCopyOperation))
            out.key("epoll_events")
            out.value(UInt64(file.epollEvents))
            out.key("zerocopy_reason")
            out.value(UInt64(file.zeroCopyReason.rawValue))
        }
    }

    private mutating func write(_ latency: Latency) {
        object { out in
            out.key("timed")
            out.values([latency.calls, latency.total, latency.onCPU, latency.maximum])
            out.write("buckets", latency.buckets, by: <) { out, bucket, count in out.values([UInt64(bucket), count]) }
        }
    }

    /// Rows as flat lists: numbers that name the row, and its counters.
    private mutating func writeLedger(of process: ProcessFigures, _ ledger: LedgerFigures) {
        key("ledger")
        values(ledger.counters)
        write(
            "hidden", process.hidden,
            by: { ($0.file, $0.operation.code, $0.code) < ($1.file, $1.operation.code, $1.code) },
            { out, key, row in
                out.values([key.file, UInt64(key.operation.code), UInt64(key.code), row.operations, row.bytes])
            })
        write("pairs", process.pairs, by: { ($0.source, $0.sink) < ($1.source, $1.sink) }) { out, key, row in
            out.object { out in
                out.key("ids")
                out.values([key.source, key.sink])
                out.key("source")
                out.write(row.source)
                out.key("sink")
                out.write(row.sink)
                out.key("counters")
                out.values([row.operations, row.bytes, row.kernelToKernel, row.unknown])
            }
        }
        write(
            "thread_copies", process.threadCopies, by: { ($0.started, $0.tid) < ($1.started, $1.tid) },
            { out, key, row in
                out.values(
                    [key.started, UInt64(key.tid), row.bytesIn, row.bytesOut, row.fromProcesses, row.toProcesses]
                        + row.ledger.counters)
            })
        write("samples", process.samples, by: <) { out, number, row in
            out.values([UInt64(number), row.samples, row.copying, row.zeroing])
        }
    }

    private mutating func writeRequests(of process: ProcessFigures) {
        write("requests", process.requests, by: <) { out, key, figures in
            out.values([key.queue, UInt64(key.operation.code)] + figures.counters)
        }
        write("request_latencies", process.requestLatencies, by: <) { out, key, latency in
            out.object { out in
                out.key("request")
                out.values([key.queue, UInt64(key.operation.code)])
                out.key("latency")
                out.write(latency)
            }
        }
        write("rings", process.rings, by: <) { out, id, ring in
            out.values([id, UInt64(ring.setupFlags), ring.overflows, ring.fd.map { UInt64($0) + 1 } ?? 0])
        }
    }

    /// Rows in an order of their own, so that the same figures are the same bytes.
    private mutating func write<Key, Row>(
        _ name: StaticString, _ rows: [Key: Row], by precedes: (Key, Key) -> Bool,
        _ each: (inout JSONStream, Key, Row) -> Void
    ) {
        key(name)
        array { out in
            for key in rows.keys.sorted(by: precedes) { each(&out, key, rows[key]!) }
        }
    }
}
