internal import IOModel
internal import JSON

// Figures as JSON, for the lines of a recording. Short arrays keep the lines small; their order is fixed by the field lists,
// which only ever grow at the end.

extension JSONStream {
    mutating func write(_ process: ProcessFigures) {
        object { out in
            out.member("id", process.identity.id)
            out.key("identity")
            out.write(process.identity)
            out.member("threads", process.threads)
            out.key("totals")
            out.write(process.totals)
            out.write("calls", process.calls, by: <) { out, number, call in
                out.values([UInt64(number)], call)
            }
            out.write("latencies", process.latencies, by: <) { out, number, latency in
                out.object { out in
                    out.member("nr", UInt64(number))
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
            out.member("pid", UInt64(identity.pid))
            out.member("ppid", UInt64(identity.ppid))
            out.member("comm", identity.comm)
            out.key("command")
            if let command = identity.command {
                out.array { out in for argument in command { out.value(argument) } }
            } else {
                out.null()
            }
            out.member("command_truncated", identity.commandTruncated)
            out.member("cgroup", identity.cgroup)
            out.member("started_in_window", identity.startedInWindow)
            out.member("exited", identity.exited)
            out.key("exit_status")
            if let status = identity.exitStatus { out.value(Int64(status)) } else { out.null() }
        }
    }

    private mutating func write(_ totals: Totals) {
        array { out in
            totals.readCounters { counters in
                out.elements(.init(rebasing: counters[..<Totals.firstFields]))
                totals.readList { out.elements($0) }
                out.elements(.init(rebasing: counters[Totals.firstFields...]))
            }
        }
    }

    /// - Parameter head: numbers before the counters.
    private mutating func values(_ head: [UInt64], _ counters: some CounterBlock) {
        array { out in
            head.withUnsafeBufferPointer { out.elements($0) }
            counters.readCounters { out.elements($0) }
        }
    }

    private mutating func write(_ file: FileFigures, id: UInt64) {
        object { out in
            out.member("id", id)
            out.key("identity")
            out.write(file.identity)
            out.key("counters")
            out.values([file.operations, file.bytesIn, file.bytesOut, file.blocked, file.opens])
            out.key("ledger")  // most files have nothing in theirs
            if file.ledger.isZero { out.values([]) } else { out.values([], file.ledger) }
            out.key("models")
            out.array { out in
                out.value(file.again)
                file.counters.readModels { out.elements($0) }
            }
        }
    }

    private mutating func write(_ file: FileIdentity?) {
        guard let file else { return null() }
        object { out in
            out.member("fd", Int64(file.fd))
            out.member("type", file.type.rawValue)
            out.member("path", file.path)
            out.member("local", file.local)
            out.member("peer", file.peer)
            out.member("nonblocking", file.nonblocking)
            out.member("in_epoll", file.inEpoll)
            out.member("device", UInt64(file.device.rawValue))
            out.member("zerocopy_operation", UInt64(file.zeroCopyOperation))
            out.member("epoll_events", UInt64(file.epollEvents))
            out.member("zerocopy_reason", UInt64(file.zeroCopyReason.rawValue))
        }
    }

    private mutating func write(_ latency: Latency) {
        object { out in
            out.key("timed")
            out.values([latency.calls, latency.total, latency.onCPU, latency.maximum])
            out.key("buckets")
            out.array { out in for (bucket, count) in latency.buckets { out.values([UInt64(bucket), count]) } }
        }
    }

    /// Rows as flat lists: numbers that name the row, and its counters.
    private mutating func writeLedger(of process: ProcessFigures, _ ledger: LedgerFigures) {
        key("ledger")
        values([], ledger)
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
                    [key.started, UInt64(key.tid), row.bytesIn, row.bytesOut, row.fromProcesses, row.toProcesses],
                    row.ledger)
            })
        write("samples", process.samples, by: <) { out, number, row in
            out.values([UInt64(number), row.samples, row.copying, row.zeroing])
        }
    }

    private mutating func writeRequests(of process: ProcessFigures) {
        write("requests", process.requests, by: <) { out, key, figures in
            out.values([key.queue, UInt64(key.operation.code)], figures)
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
        guard rows.count > 1 else {
            return array { out in for (key, row) in rows { each(&out, key, row) } }
        }
        array { out in
            for key in rows.keys.sorted(by: precedes) { each(&out, key, rows[key]!) }
        }
    }
}
