internal import IOModel
internal import JSON

extension Tool {
    var json: JSONValue {
        [
            "version": .string(version), "kernel": .string(kernel), "tier": .string(tier),
            "probes": .array(
                probes.map {
                    ["name": .string($0.name), "attached": .bool($0.attached), "reason": JSONValue($0.reason)]
                }),
        ]
    }

    init(_ value: JSONValue) throws(DecodingFailure) {
        var probes: [Probe] = []
        for probe in try value.array("probes") {
            probes.append(
                Probe(
                    name: try probe.string("name"), attached: try probe.bool("attached"),
                    reason: try probe.optionalString("reason")))
        }
        self.init(
            version: try value.string("version"), kernel: try value.string("kernel"), tier: try value.string("tier"),
            probes: probes)
    }
}

extension Window {
    var json: JSONValue {
        [
            "started_unix_ns": .unsigned(startedUnixNanoseconds), "duration_ns": .unsigned(duration),
            "end": JSONValue(end?.rawValue), "in_flight_at_start": .unsigned(inFlightAtStart),
            "in_flight_at_end": .unsigned(inFlightAtEnd),
        ]
    }

    init(_ value: JSONValue) throws(DecodingFailure) {
        self.init(
            startedUnixNanoseconds: try value.unsigned("started_unix_ns"), duration: try value.unsigned("duration_ns"),
            end: try value.optionalString("end").flatMap { End(rawValue: $0) },
            inFlightAtStart: try value.unsigned("in_flight_at_start"),
            inFlightAtEnd: try value.unsigned("in_flight_at_end"))
    }
}

extension Overhead {
    var json: JSONValue {
        [
            "probe_ns": JSONValue(probeNanoseconds), "probe_runs": JSONValue(probeRuns),
            "added_ns": JSONValue(addedNanoseconds),
            "collector_cpu_ns": JSONValue(collectorNanoseconds),
            "collector_memory_bytes": JSONValue(collectorMemory),
        ]
    }

    init(_ value: JSONValue) {
        self.init(
            probeNanoseconds: value["probe_ns"]?.unsignedValue, probeRuns: value["probe_runs"]?.unsignedValue,
            addedNanoseconds: value["added_ns"]?.unsignedValue,
            collectorNanoseconds: value["collector_cpu_ns"]?.unsignedValue,
            collectorMemory: value["collector_memory_bytes"]?.unsignedValue)
    }
}

extension Warning {
    var json: JSONValue {
        ["code": .string(code), "message": .string(message), "advice": .string(advice)]
    }

    init(_ value: JSONValue) throws(DecodingFailure) {
        self.init(
            code: try value.string("code"), message: try value.string("message"), advice: try value.string("advice"))
    }
}
