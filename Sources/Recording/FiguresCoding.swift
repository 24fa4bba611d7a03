internal import IOModel
internal import JSON

// Figures out of JSON, from the lines of a recording: what FiguresWriting.swift writes.

/// Why a line of a recording cannot be used.
struct DecodingFailure: Error {
    var message: String
}

extension JSONValue {
    func require(_ key: String) throws(DecodingFailure) -> JSONValue {
        guard let value = self[key] else { throw DecodingFailure(message: "the key \"\(key)\" is missing") }
        return value
    }

    func unsigned(_ key: String) throws(DecodingFailure) -> UInt64 {
        guard let value = try require(key).unsignedValue else {
            throw DecodingFailure(message: "\"\(key)\" is not a whole number from 0")
        }
        return value
    }

    func string(_ key: String) throws(DecodingFailure) -> String {
        guard let value = try require(key).stringValue else {
            throw DecodingFailure(message: "\"\(key)\" is not a string")
        }
        return value
    }

    func array(_ key: String) throws(DecodingFailure) -> [JSONValue] {
        guard let value = try require(key).arrayValue else {
            throw DecodingFailure(message: "\"\(key)\" is not a list")
        }
        return value
    }

    func optionalString(_ key: String) throws(DecodingFailure) -> String? {
        guard let value = self[key], !value.isNull else { return nil }
        return try string(key)
    }

    func bool(_ key: String) throws(DecodingFailure) -> Bool {
        guard let value = try require(key).boolValue else {
            throw DecodingFailure(message: "\"\(key)\" is not true or false")
        }
        return value
    }

    /// A list of counters.
    func counters(_ key: String, count: Int) throws(DecodingFailure) -> [UInt64] {
        try JSONValue.counters(try array(key), count: count, name: key)
    }

    static func counters(_ values: [JSONValue], count: Int, name: String) throws(DecodingFailure) -> [UInt64] {
        let numbers = values.compactMap(\.unsignedValue)
        guard numbers.count == values.count, numbers.count >= count else {
            throw DecodingFailure(message: "\"\(name)\" is not a list of \(count) counters")
        }
        return numbers
    }

    init(counters: [UInt64]) { self = .array(counters.map { .unsigned($0) }) }
}

extension Totals {
    /// Fields before the causes; later ones come after them. Older recordings end there.
    static let firstFields = 10

    init(_ value: JSONValue) throws(DecodingFailure) {
        self.init()
        let numbers = try value.counters("totals", count: Self.firstFields + causes.count)
        let (first, later) = (numbers[..<Self.firstFields], numbers[(Self.firstFields + causes.count)...])
        for (field, number) in zip(Self.fields, first + later) { self[keyPath: field] = number }
        for index in causes.indices { causes[index] = numbers[Self.firstFields + index] }
    }
}

extension Losses {
    var json: JSONValue { JSONValue(counters: Self.fields.map { self[keyPath: $0] }) }

    init(_ value: JSONValue) throws(DecodingFailure) {
        self.init()
        // Recordings from before the ledger have only the first seven.
        let numbers = try value.counters("losses", count: 7)
        for (field, number) in zip(Self.fields, numbers) { self[keyPath: field] = number }
    }
}

extension ProcessIdentity {
    init(id: UInt64, _ value: JSONValue) throws(DecodingFailure) {
        let pid = try value.unsigned("pid")
        let ppid = try value.unsigned("ppid")
        guard let pid = UInt32(exactly: pid), let ppid = UInt32(exactly: ppid) else {
            throw DecodingFailure(message: "\"pid\" is out of range")
        }
        self.init(id: id, pid: pid, ppid: ppid, comm: try value.string("comm"))
        command = try value.require("command").arrayValue?.compactMap(\.stringValue)
        commandTruncated = try value.bool("command_truncated")
        cgroup = try value.optionalString("cgroup")
        startedInWindow = try value.bool("started_in_window")
        exited = try value.bool("exited")
        exitStatus = try value.require("exit_status").integerValue.flatMap { Int(exactly: $0) }
    }
}

extension FileIdentity {
    init(_ value: JSONValue) throws(DecodingFailure) {
        guard let fd = try value.require("fd").integerValue.flatMap({ Int32(exactly: $0) }) else {
            throw DecodingFailure(message: "\"fd\" is out of range")
        }
        self.init(
            fd: fd, type: FileType(rawValue: try value.string("type")) ?? .unknown,
            path: try value.optionalString("path"), local: try value.optionalString("local"),
            peer: try value.optionalString("peer"), nonblocking: try value.bool("nonblocking"),
            inEpoll: try value.bool("in_epoll"))
        // Recordings from before the ledger have none of these.
        device = value["device"]?.unsignedValue.flatMap { UInt8(exactly: $0) }.flatMap(MemoryDevice.init) ?? .plain
        epollEvents = value["epoll_events"]?.unsignedValue.flatMap { UInt32(exactly: $0) } ?? 0
        zeroCopyReason =
            value["zerocopy_reason"]?.unsignedValue.flatMap { UInt8(exactly: $0) }.flatMap(ZeroCopyReason.init)
            ?? .untold
        zeroCopyOperation = value["zerocopy_operation"]?.unsignedValue.flatMap { UInt32(exactly: $0) } ?? 0
    }
}

extension LedgerFigures {
    /// nil when the value has none: it comes from before there was a ledger.
    init?(of value: JSONValue) throws(DecodingFailure) {
        guard value["ledger"] != nil else { return nil }
        self.init(counters: try value.counters("ledger", count: Self.fields.count))
    }
}

extension ProcessFigures {
    fileprivate mutating func readLedgerRows(_ value: JSONValue) throws(DecodingFailure) {
        ledger = try LedgerFigures(of: value)
        guard ledger != nil else { return }
        for row in try value.array("hidden") {
            let n = try JSONValue.counters(row.arrayValue ?? [], count: 5, name: "hidden")
            guard let operation = UInt32(exactly: n[1]), let code = UInt32(exactly: n[2]) else {
                throw DecodingFailure(message: "\"hidden\" names no operation")
            }
            let key = HiddenFigures.Key(file: n[0], operation: Operation(code: operation), code: code)
            hidden[key] = HiddenFigures(operations: n[3], bytes: n[4])
        }
        for row in try value.array("pairs") {
            let ids = try row.counters("ids", count: 2)
            let n = try row.counters("counters", count: 4)
            let source = try row.require("source")
            let sink = try row.require("sink")
            pairs[.init(source: ids[0], sink: ids[1])] = PairFigures(
                source: source.isNull ? nil : try FileIdentity(source),
                sink: sink.isNull ? nil : try FileIdentity(sink),
                operations: n[0], bytes: n[1], kernelToKernel: n[2], unknown: n[3])
        }
        for row in try value.array("thread_copies") {
            let n = try JSONValue.counters(
                row.arrayValue ?? [], count: 6 + LedgerFigures.fields.count, name: "thread_copies")
            guard let tid = UInt32(exactly: n[1]) else { throw DecodingFailure(message: "no such thread") }
            threadCopies[.init(started: n[0], tid: tid)] = ThreadCopies(
                bytesIn: n[2], bytesOut: n[3], fromProcesses: n[4], toProcesses: n[5],
                ledger: LedgerFigures(counters: n[6...]))
        }
        for row in try value.array("samples") {
            let n = try JSONValue.counters(row.arrayValue ?? [], count: 4, name: "samples")
            guard let number = UInt32(exactly: n[0]) else { throw DecodingFailure(message: "no such system call") }
            samples[number] = SampleFigures(samples: n[1], copying: n[2], zeroing: n[3])
        }
    }
}

extension Latency {
    init(_ value: JSONValue) throws(DecodingFailure) {
        self.init()
        let numbers = try value.counters("timed", count: 4)
        (calls, total, onCPU, maximum) = (numbers[0], numbers[1], numbers[2], numbers[3])
        for pair in try value.array("buckets") {
            let pair = try JSONValue.counters(pair.arrayValue ?? [], count: 2, name: "buckets")
            guard pair[0] < UInt64(Self.bucketCount) else { throw DecodingFailure(message: "no such latency bucket") }
            buckets[Int(pair[0])] = pair[1]
        }
    }
}

extension ProcessFigures {
    private mutating func readRequests(_ value: JSONValue) throws(DecodingFailure) {
        for row in value["requests"]?.arrayValue ?? [] {
            let n = try JSONValue.counters(
                row.arrayValue ?? [], count: 2 + RequestFigures.fields.count, name: "requests")
            var figures = RequestFigures()
            for (field, number) in zip(RequestFigures.fields, n[2...]) { figures[keyPath: field] = number }
            requests[try Self.requestKey(n)] = figures
        }
        for row in value["request_latencies"]?.arrayValue ?? [] {
            let key = try Self.requestKey(try row.counters("request", count: 2))
            requestLatencies[key] = try Latency(try row.require("latency"))
        }
        // What recordings had before: opcode, completed, errors, bytes, poll-armed, punted, further completions.
        for row in value["uring"]?.arrayValue ?? [] {
            let n = try JSONValue.counters(row.arrayValue ?? [], count: 7, name: "uring")
            guard let opcode = UInt32(exactly: n[0]), opcode < Operation.aioFlag else {
                throw DecodingFailure(message: "no such opcode")
            }
            let key = RequestFigures.Key(queue: 0, operation: Operation(code: Operation.uringFlag | opcode))
            var figures = RequestFigures()
            (figures.completed, figures.errors, figures.bytes) = (n[1], n[2], n[3])
            (figures.pollArmed, figures.punted, figures.notifications) = (n[4], n[5], n[6])
            requests[key] = figures
        }
        for row in value["rings"]?.arrayValue ?? [] {
            let n = try JSONValue.counters(row.arrayValue ?? [], count: 3, name: "rings")
            rings[n[0]] = UringRing(
                setupFlags: UInt32(truncatingIfNeeded: n[1]),
                fd: n.count > 3 && n[3] > 0 ? Int32(exactly: n[3] - 1) : nil, overflows: n[2])
        }
    }

    private static func requestKey(_ numbers: [UInt64]) throws(DecodingFailure) -> RequestFigures.Key {
        guard let code = UInt32(exactly: numbers[1]) else { throw DecodingFailure(message: "no such operation") }
        return RequestFigures.Key(queue: numbers[0], operation: Operation(code: code))
    }

    /// Most files have nothing in theirs, so that an empty list stands for it.
    private static func fileLedger(_ value: JSONValue) throws(DecodingFailure) -> LedgerFigures {
        guard let list = value["ledger"]?.arrayValue, !list.isEmpty else { return LedgerFigures() }
        return try LedgerFigures(of: value) ?? LedgerFigures()
    }

    init(_ value: JSONValue) throws(DecodingFailure) {
        self.init(identity: try ProcessIdentity(id: try value.unsigned("id"), try value.require("identity")))
        threads = try value.unsigned("threads")
        totals = try Totals(value)
        for call in try value.array("calls") {
            let n = try JSONValue.counters(call.arrayValue ?? [], count: 7, name: "calls")
            guard let number = UInt32(exactly: n[0]) else { throw DecodingFailure(message: "no such system call") }
            calls[number] = CallFigures(
                count: n[1], errors: n[2], bytes: n[3], sleeps: n[4], blocked: n[5], runQueue: n[6])
        }
        for entry in try value.array("latencies") {
            guard let number = UInt32(exactly: try entry.unsigned("nr")) else {
                throw DecodingFailure(message: "no such system call")
            }
            latencies[number] = try Latency(try entry.require("latency"))
        }
        for entry in try value.array("files") {
            let n = try entry.counters("counters", count: 5)
            var file = FileFigures(
                identity: try FileIdentity(try entry.require("identity")), operations: n[0], bytesIn: n[1],
                bytesOut: n[2], blocked: n[3], opens: n[4], ledger: try Self.fileLedger(entry))
            if let models = entry["models"]?.arrayValue {
                let n = try JSONValue.counters(models, count: 1 + 2 * file.models.count, name: "models")
                file.again = n[0]
                for slot in ModelSlot.allCases {
                    file.counters[slot] = ModelFigures(
                        operations: n[1 + 2 * slot.rawValue], bytes: n[2 + 2 * slot.rawValue])
                }
            }
            files[try entry.unsigned("id")] = file
        }
        try readLedgerRows(value)
        try readRequests(value)
    }
}
