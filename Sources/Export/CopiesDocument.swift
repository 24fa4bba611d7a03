internal import IOModel
internal import JSON

/// The keys of the document that come from the copy ledger.
struct CopiesDocument {
    let process: ProcessFigures
    /// The probes of mapped pages were attached.
    let knowsMappings: Bool
    /// Ids of fds with something to say; most have nothing.
    private let hiddenByFile: Set<UInt64>

    init(process: ProcessFigures, knowsMappings: Bool) {
        self.process = process
        self.knowsMappings = knowsMappings
        hiddenByFile = Set(process.hidden.keys.map(\.file))
            .union(process.files.filter { $0.value.ledger.zeroCopySent > 0 }.keys)
    }

    private typealias Members = [(key: String, value: JSONValue)]

    /// `copies` of a process, or of all of them.
    var copies: JSONValue {
        guard let copies = Copies(of: process), let ledger = process.ledger else { return nil }
        return .object(
            Self.bytes(
                copies, mapped: knowsMappings ? ledger.mapped : nil, deferred: process.dmaOutDeferred) + [
                    (
                        "evidence",
                        [
                            "observed_bytes": .unsigned(copies.observed), "derived_bytes": .unsigned(copies.derived),
                            "unknown_bytes": .unsigned(copies.unresolved),
                        ]
                    ),
                    ("hidden", .array(process.hiddenCopies().map(Self.finding))),
                    ("hints", .array(process.copyHints().map(Self.finding))),
                    ("copy_cpu_share", Self.share(process.allSamples)),
                ])
    }

    var copyPaths: JSONValue {
        guard process.ledger != nil else { return nil }
        return .array(
            CopyPathFigures.paths(of: process).map {
                [
                    "path": .string($0.path.rawValue), "operations": JSONValue($0.operations),
                    "bytes": .unsigned($0.bytes), "byte_share": .number($0.share),
                ]
            })
    }

    /// Threads that moved payload, those with the most first. The last row is what belongs to no thread in it: threads that
    /// have been added up, I/O that completed outside any thread, and what became of zero-copy sends.
    var byThread: JSONValue {
        guard let whole = Copies(of: process) else { return [] }
        var rows = process.threadCopies.filter { $0.key != .others }
            .map { (key: $0.key, copies: Copies(of: $0.value)) }
            .sorted { ($1.copies.payload, $0.key.started) < ($0.copies.payload, $1.key.started) }
        let rest = whole.without(rows.map(\.copies))
        if rest != Copies() { rows.append((.others, rest)) }
        return .array(
            rows.map { key, copies in
                [
                    "tid": key == .others ? nil : .unsigned(UInt64(key.tid)),
                    "payload_in_bytes": .unsigned(copies.payloadIn), "payload_out_bytes": .unsigned(copies.payloadOut),
                    "user_to_kernel_bytes": .unsigned(copies.userToKernel),
                    "kernel_to_user_bytes": .unsigned(copies.kernelToUser),
                    "kernel_to_kernel_bytes": .unsigned(copies.kernelToKernel),
                    "user_to_user_bytes": .unsigned(copies.userToUser), "avoided_bytes": .unsigned(copies.avoided),
                    "unresolved_bytes": .unsigned(copies.unresolved),
                    "dma_in_bytes": .unsigned(copies.dmaIn), "dma_out_bytes": .unsigned(copies.dmaOut),
                ]
            })
    }

    /// Pairs of fds between which the kernel moved bytes, those with the most first.
    var pairs: JSONValue {
        .array(
            process.pairs.sorted { ($1.value.bytes, $0.key.source) < ($0.value.bytes, $1.key.source) }.map { _, pair in
                [
                    "source": Self.end(pair.source), "sink": Self.end(pair.sink),
                    "operations": .unsigned(pair.operations), "bytes": .unsigned(pair.bytes),
                    "avoided_bytes": .unsigned(pair.avoided), "kernel_to_kernel_bytes": .unsigned(pair.kernelToKernel),
                ]
            })
    }

    /// `files[].copies`.
    func copies(ofFile id: UInt64, _ file: FileFigures) -> JSONValue {
        guard process.ledger != nil else { return nil }
        return .object(
            Self.bytes(Copies(of: file), mapped: nil, deferred: nil) + [
                ("hidden", .array(hiddenByFile.contains(id) ? process.hiddenCopies(ofFile: id).map(Self.finding) : [])),
                ("hints", .array(hiddenByFile.contains(id) ? process.copyHints(ofFile: id).map(Self.finding) : [])),
                ("copy_cpu_share", nil),
            ])
    }

    static func share(_ samples: SampleFigures?) -> JSONValue {
        guard let share = samples?.copyShare else { return nil }
        return [
            "value": .number(share.value), "low": .number(share.low), "high": .number(share.high),
            "samples": .unsigned(share.samples),
        ]
    }

    private static func bytes(_ copies: Copies, mapped: UInt64?, deferred: UInt64?) -> Members {
        [
            ("user_to_kernel_bytes", .unsigned(copies.userToKernel)),
            ("kernel_to_user_bytes", .unsigned(copies.kernelToUser)),
            ("kernel_to_kernel_bytes", .unsigned(copies.kernelToKernel)),
            ("user_to_user_bytes", .unsigned(copies.userToUser)),
            ("avoided_bytes", .unsigned(copies.avoided)), ("unresolved_bytes", .unsigned(copies.unresolved)),
            ("mapped_bytes", JSONValue(mapped)),
            ("payload_in_bytes", .unsigned(copies.payloadIn)), ("payload_out_bytes", .unsigned(copies.payloadOut)),
            ("amplification", JSONValue(copies.amplification)),
            ("dma_in_bytes", .unsigned(copies.dmaIn)), ("dma_out_bytes", .unsigned(copies.dmaOut)),
            ("dma_out_deferred_bytes", JSONValue(deferred)),
        ]
    }

    private static func finding(_ finding: CopyFinding) -> JSONValue {
        [
            "operation": .string(finding.operation), "code": .string(finding.code),
            "operations": .unsigned(finding.operations), "bytes": .unsigned(finding.bytes),
            "reason": .string(finding.reason), "advice": .string(finding.advice),
        ]
    }

    private static func end(_ file: FileIdentity?) -> JSONValue {
        guard let file else { return nil }
        return [
            "fd": .integer(Int64(file.fd)), "type": .string(file.type.rawValue), "name": .string(file.name),
        ]
    }
}
