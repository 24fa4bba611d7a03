public import IOModel
internal import JSON

/// What a report document says of each program, for comparisons: documents on disk and reports just made are read alike.
public enum ReportProfiles {
    public static let baselineSchema = "iotrace.baseline/1"

    public struct Failure: Error, CustomStringConvertible, Sendable {
        public var description: String
    }

    /// Of one side of a comparison.
    public struct Side: Sendable {
        public var profiles: [IOProfile]
        /// Events that were lost while it was made.
        public var losses: UInt64
    }

    public static func side(of report: Report) -> Side {
        // A document of ours has all that is asked of it.
        (try? side(ReportDocument(report).value)) ?? Side(profiles: [], losses: report.losses.sum)
    }

    /// - Returns: nil when the bytes are no report document.
    public static func side(fromReport bytes: [UInt8]) throws(Failure) -> Side? {
        guard let value = try? JSONValue(parsing: bytes), value["schema"]?.stringValue == "iotrace.report/1" else {
            return nil
        }
        return try side(value)
    }

    private static func side(_ document: JSONValue) throws(Failure) -> Side {
        var order: [String] = []
        var profiles: [String: IOProfile] = [:]
        guard let processes = document["processes"]?.arrayValue else {
            throw Failure(description: "the report has no processes")
        }
        for process in processes {
            let profile = try profile(process)
            if profiles[profile.comm] == nil {
                order.append(profile.comm)
                profiles[profile.comm] = profile
            } else {
                profiles[profile.comm]! += profile
            }
        }
        // Keys that end in map_full are added up in map_full, storage_failed is another's twin.
        let losses = (document["losses"]?.objectValue ?? []).filter {
            $0.key == "map_full" || !$0.key.hasSuffix("_map_full")
        }
        .filter { $0.key != "storage_failed" }.reduce(UInt64(0)) { $0 &+ ($1.value.unsignedValue ?? 0) }
        return Side(profiles: order.compactMap { profiles[$0] }, losses: losses)
    }

    private static func profile(_ process: JSONValue) throws(Failure) -> IOProfile {
        guard let comm = process["comm"]?.stringValue, let calls = process["syscalls"]?["total"]?.unsignedValue,
            let switches = process["switches"], let mode = switches["mode"]?.unsignedValue
        else { throw Failure(description: "a process of the report lacks its name, calls or switches") }
        var profile = IOProfile(comm: comm)
        profile.processes = 1
        profile.systemCalls = calls
        profile.modeSwitches = mode
        profile.contextSwitches =
            (switches["voluntary"]?.unsignedValue ?? 0) &+ (switches["involuntary"]?.unsignedValue ?? 0)
        profile.blocked = process["time"]?["blocked_ns"]?.unsignedValue ?? 0
        for (cause, time) in process["time"]?["blocked_by_cause"]?.objectValue ?? [] {
            profile.blockedByCause[cause] = time.unsignedValue ?? 0
        }
        for row in process["models"]?.arrayValue ?? [] {
            guard let model = row["model"]?.stringValue, model != "zero-copy" else { continue }
            let operations = row["operations"]?.unsignedValue ?? 0
            profile.operations &+= operations
            // What a program reads of itself says nothing of its model.
            if row["sub_model"]?.stringValue != "program files" { profile.models[model, default: 0] &+= operations }
        }
        guard let copies = process["copies"], !copies.isNull else {
            profile.knowsCopies = false
            return profile
        }
        func bytes(_ key: String) -> UInt64 { copies[key]?.unsignedValue ?? 0 }
        profile.payload = max(bytes("payload_in_bytes"), bytes("payload_out_bytes"))
        profile.copied =
            bytes("user_to_kernel_bytes") &+ bytes("kernel_to_user_bytes") &+ bytes("kernel_to_kernel_bytes")
            &+ bytes("user_to_user_bytes")
        profile.avoided = bytes("avoided_bytes")
        profile.unknown = bytes("unresolved_bytes")
        profile.hidden = (copies["hidden"]?.arrayValue ?? []).reduce(0) { $0 &+ ($1["bytes"]?.unsignedValue ?? 0) }
        return profile
    }

    // MARK: - Baselines

    private static let counters: [(String, any WritableKeyPath<IOProfile, UInt64> & Sendable)] = [
        ("processes", \.processes), ("payload_bytes", \.payload), ("copied_bytes", \.copied),
        ("avoided_bytes", \.avoided), ("unknown_bytes", \.unknown), ("hidden_bytes", \.hidden),
        ("operations", \.operations), ("syscalls", \.systemCalls), ("mode_switches", \.modeSwitches),
        ("context_switches", \.contextSwitches), ("blocked_ns", \.blocked),
    ]

    /// The document `iotrace.baseline/1`, with a final newline.
    public static func baseline(_ profiles: [IOProfile], tool: Tool) -> [UInt8] {
        let value: JSONValue = [
            "schema": .string(baselineSchema),
            "tool": ["version": .string(tool.version), "kernel": .string(tool.kernel)],
            "profiles": .array(
                profiles.map { profile in
                    .object(
                        [("comm", .string(profile.comm)), ("knows_copies", .bool(profile.knowsCopies))]
                            + counters.map { ($0.0, .unsigned(profile[keyPath: $0.1])) } + [
                                (
                                    "models",
                                    .object(
                                        profile.models.sorted { $0.key < $1.key }.map { ($0.key, .unsigned($0.value)) })
                                )
                            ])
                }),
        ]
        return value.encoded(indent: 2) + [UInt8(ascii: "\n")]
    }

    public static func profiles(fromBaseline bytes: [UInt8]) throws(Failure) -> [IOProfile] {
        let value: JSONValue
        do { value = try JSONValue(parsing: bytes) } catch {
            throw Failure(description: "this is no JSON: \(error)")
        }
        guard value["schema"]?.stringValue == baselineSchema, let rows = value["profiles"]?.arrayValue else {
            throw Failure(description: "this is no baseline: its schema is not \"\(baselineSchema)\"")
        }
        var profiles: [IOProfile] = []
        for row in rows {
            guard let comm = row["comm"]?.stringValue else { throw Failure(description: "a profile has no comm") }
            var profile = IOProfile(comm: comm)
            profile.knowsCopies = row["knows_copies"]?.boolValue ?? false
            for (key, path) in counters {
                guard let count = row[key]?.unsignedValue else {
                    throw Failure(description: "the profile of \(comm) has no \(key)")
                }
                profile[keyPath: path] = count
            }
            for (model, count) in row["models"]?.objectValue ?? [] { profile.models[model] = count.unsignedValue ?? 0 }
            profiles.append(profile)
        }
        return profiles
    }
}
