internal import IOModel
internal import JSON

/// The keys of the document that say how a process waits for its I/O.
struct ModelsDocument {
    private let process: ProcessFigures
    private let classifier: ModelClassifier

    init(_ process: ProcessFigures) {
        self.process = process
        classifier = ModelClassifier(process)
    }

    /// - Parameter total: the processes, added up.
    init(_ processes: [ProcessFigures], total: ProcessFigures) {
        process = total
        classifier = ModelClassifier(processes, total: total)
    }

    var models: JSONValue { .array(classifier.rows.map(Self.row)) }

    var tags: JSONValue { .array(classifier.tags.map { .string($0) }) }

    var quadrants: JSONValue { Self.quadrants(classifier.quadrants) }

    static func quadrants(_ quadrants: Quadrants) -> JSONValue {
        func figures(_ figures: Quadrants.Figures) -> JSONValue {
            [
                "operations": .unsigned(figures.operations), "time_ns": JSONValue(figures.time.nanoseconds),
                "estimated": .bool(figures.time.isEstimated), "partial": .bool(figures.time.isPartial),
            ]
        }
        return [
            "sync_blocking": figures(quadrants.syncBlocking), "sync_nonblocking": figures(quadrants.syncNonblocking),
            "async_blocking": figures(quadrants.asyncBlocking),
            "async_nonblocking": figures(quadrants.asyncNonblocking),
        ]
    }

    var findings: JSONValue {
        .array(
            Finding.all(in: classifier).map {
                ["code": .string($0.code), "message": .string($0.message), "advice": .string($0.advice)]
            })
    }

    var phases: JSONValue { Self.phases(classifier.phases) }

    static func phases(_ phases: Phases) -> JSONValue {
        [
            "wait_ns": .unsigned(phases.wait), "transfer_ns": JSONValue(phases.transfer),
            "estimated": .bool(phases.moving.isEstimated),
            "partial": .bool(phases.moving.isPartial),
        ]
    }

    /// `files[].models`: the rows of one fd. Waits belong to no fd, so they are in none.
    static func models(of file: FileFigures, in process: ProcessFigures) -> JSONValue {
        .array(ModelClassifier.rows(of: file, in: process).map(row))
    }

    static func row(_ row: ModelRow) -> JSONValue {
        [
            "model": .string(row.model), "sub_model": JSONValue(row.subModel),
            "operations": .unsigned(row.operations), "waits": .unsigned(row.waits), "bytes": .unsigned(row.bytes),
            "operation_share": JSONValue(row.operationShare), "byte_share": JSONValue(row.byteShare),
            "evidence": .string(row.evidence), "decides": .bool(row.decides), "rule": .string(row.rule.page),
        ]
    }
}
