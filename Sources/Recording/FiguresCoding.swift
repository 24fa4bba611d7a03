internal import IOModel
internal import JSON

// Figures as JSON, for the lines of a recording. Short arrays keep the lines small; their order is fixed by the field lists
// here, which only ever grow at the end.

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
    var json: JSONValue {
        JSONValue(counters: Self.fields.map { self[keyPath: $0] } + causes)
    }

    init(_ value: JSONValue) throws(DecodingFailure) {
        self.init()
        let numbers = try value.counters("totals", count: Self.fields.count + causes.count)
        for (index, field) in Self.fields.enumerated() { self[keyPath: field] = numbers[index] }
        for index in causes.indices { causes[index] = numbers[Self.fields.count + index] }
    }
}

extension Losses {
    var json: JSONValue { JSONValue(counters: Self.fields.map { self[keyPath: $0] }) }

    init(_ value: JSONValue) throws(DecodingFailure) {
        self.init()
        let numbers = try value.counters("losses", count: Self.fields.count)
        for (index, field) in Self.fields.enumerated() { self[keyPath: field] = numbers[index] }
    }
}

extension ProcessIdentity {
    var json: JSONValue {
        [
            "pid": .unsigned(UInt64(pid)), "ppid": .unsigned(UInt64(ppid)), "comm": .string(comm),
            "command": command.map { .array($0.map { .string($0) }) } ?? .null,
            "command_truncated": .bool(commandTruncated), "cgroup": JSONValue(cgroup),
            "started_in_window": .bool(startedInWindow), "exited": .bool(exited),
            "exit_status": exitStatus.map { .integer(Int64($0)) } ?? .null,
        ]
    }

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
    var json: JSONValue {
        [
            "fd": .integer(Int64(fd)), "type": .string(type.rawValue), "path": JSONValue(path),
            "local": JSONValue(local), "peer": JSONValue(peer), "nonblocking": .bool(nonblocking),
            "in_epoll": .bool(inEpoll),
        ]
    }

    init(_ value: JSONValue) throws(DecodingFailure) {
        guard let fd = try value.require("fd").integerValue.flatMap({ Int32(exactly: $0) }) else {
            throw DecodingFailure(message: "\"fd\" is out of range")
        }
        self.init(
            fd: fd, type: FileType(rawValue: try value.string("type")) ?? .unknown,
            path: try value.optionalString("path"), local: try value.optionalString("local"),
            peer: try value.optionalString("peer"), nonblocking: try value.bool("nonblocking"),
            inEpoll: try value.bool("in_epoll"))
    }
}

extension Latency {
    var json: JSONValue {
        [
            "timed": JSONValue(counters: [calls, total, onCPU, maximum]),
            "buckets": .array(
                buckets.sorted { $0.key < $1.key }.map { JSONValue(counters: [UInt64($0.key), $0.value]) }),
        ]
    }

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
    var json: JSONValue {
        [
            "id": .unsigned(identity.id), "identity": identity.json, "threads": .unsigned(threads),
            "totals": totals.json,
            "calls": .array(
                calls.sorted { $0.key < $1.key }.map { number, call in
                    JSONValue(counters: [
                        UInt64(number), call.count, call.errors, call.bytes, call.sleeps, call.blocked, call.runQueue,
                    ])
                }),
            "latencies": .array(
                latencies.sorted { $0.key < $1.key }.map { number, latency in
                    ["nr": .unsigned(UInt64(number)), "latency": latency.json]
                }),
            "files": .array(
                files.sorted { $0.key < $1.key }.map { id, file in
                    [
                        "id": .unsigned(id), "identity": file.identity.json,
                        "counters": JSONValue(counters: [
                            file.operations, file.bytesIn, file.bytesOut, file.blocked, file.opens,
                        ]),
                    ]
                }),
        ]
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
            files[try entry.unsigned("id")] = FileFigures(
                identity: try FileIdentity(try entry.require("identity")), operations: n[0], bytesIn: n[1],
                bytesOut: n[2], blocked: n[3], opens: n[4])
        }
    }
}
