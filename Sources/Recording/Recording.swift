public import IOModel
internal import JSON

/// The recording format `iotrace.recording/1`: newline-delimited JSON. A header, a line per interval with what the interval
/// added, an end line. Each line is written at once, so a recorder that is killed loses at most its last interval.
public enum Recording {
    public static let schema = "iotrace.recording/1"

    public static func header(tool: Tool, window: Window) -> [UInt8] {
        line(["type": "header", "schema": .string(schema), "tool": tool.json, "window": window.json])
    }

    /// - Parameter at: nanoseconds since the window began.
    public static func interval(index: UInt64, at: UInt64, processes: [ProcessFigures], losses: Losses) -> [UInt8] {
        var intervals = Intervals(count: index)
        return intervals.write(at: at, processes, losses) { Array($0) }
    }

    /// Writes the lines of intervals one after the other, in memory that it keeps.
    public struct Intervals: ~Copyable {
        private var count: UInt64
        private var out = JSONStream()
        /// Of a line's memory: one of many thousand threads is given back.
        private static let kept = 1 << 20

        /// - Parameter count: of the lines that there are already.
        public init(count: UInt64 = 0) { self.count = count }

        /// - Parameters:
        ///   - at: nanoseconds since the window began.
        ///   - body: gets the line.
        public mutating func write<Result>(
            at: UInt64, _ processes: [ProcessFigures], _ losses: Losses,
            to body: (UnsafeRawBufferPointer) throws -> Result
        ) rethrows -> Result {
            out.object { out in
                out.member("type", "interval")
                out.member("index", count)
                out.member("at_ns", at)
                out.key("processes")
                out.array { out in for process in processes { out.write(process) } }
                out.key("losses")
                out.value(losses.json)
            }
            out.endLine()
            count += 1
            defer { out.clear(keeping: Self.kept) }
            return try out.withBytes(body)
        }
    }

    public static func end(window: Window, losses: Losses, overhead: Overhead, warnings: [Warning]) -> [UInt8] {
        line([
            "type": "end", "window": window.json, "losses": losses.json, "overhead": overhead.json,
            "warnings": .array(warnings.map(\.json)),
        ])
    }

    private static func line(_ value: JSONValue) -> [UInt8] { value.encoded() + [UInt8(ascii: "\n")] }

    /// Why a file cannot be read as a recording.
    public struct Failure: Error, Equatable, CustomStringConvertible, Sendable {
        public var message: String
        /// From 1; nil when the whole file is meant.
        public var line: Int?
        public var description: String { line.map { "line \($0): \(message)" } ?? message }
    }

    /// Adds the intervals of a recording up to a report.
    ///
    /// A last line that is cut, or an end that is missing, is what a killed or running recorder leaves: the report then has
    /// the whole intervals and a warning. Anything else that does not fit is a failure that names its line.
    public static func report(from bytes: [UInt8]) throws(Failure) -> Report {
        guard !bytes.isEmpty else { throw Failure(message: "the file is empty") }
        let endsWhole = bytes.last == UInt8(ascii: "\n")
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        var reader = Reader()
        for (index, line) in lines.enumerated() {
            let isCut = index == lines.count - 1 && !endsWhole
            do throws(Failure) {
                try reader.take(line, number: index + 1)
            } catch {
                guard isCut, index > 0 else { throw error }
                reader.truncation = "its last line is cut"
            }
        }
        return try reader.finished()
    }

    private struct Reader {
        var report: Report?
        var rows: [UInt64: ProcessFigures] = [:]
        var order: [UInt64] = []
        var ended = false
        var truncation = "its recorder is still running or was killed"

        mutating func take(_ line: ArraySlice<UInt8>, number: Int) throws(Failure) {
            let value: JSONValue
            do {
                value = try JSONValue(parsing: line)
            } catch {
                throw Failure(
                    message: number == 1 ? "this is not an iotrace recording (\(error))" : "\(error)", line: number)
            }
            do {
                try take(value)
            } catch {
                throw Failure(message: error.message, line: number)
            }
        }

        mutating func take(_ value: JSONValue) throws(DecodingFailure) {
            guard report != nil else {
                guard value["schema"]?.stringValue == Recording.schema else {
                    let found = value["schema"]?.stringValue.map { "its schema is \"\($0)\"" } ?? "it has no schema"
                    throw DecodingFailure(
                        message: "this is not an iotrace recording: \(found), not \"\(Recording.schema)\"")
                }
                report = Report(
                    tool: try Tool(try value.require("tool")), window: try Window(try value.require("window")))
                return
            }
            guard !ended else { throw DecodingFailure(message: "there is a line after the end") }
            switch try value.string("type") {
            case "interval":
                report!.window.duration = max(report!.window.duration, try value.unsigned("at_ns"))
                report!.losses = try Losses(value)
                for entry in try value.array("processes") { add(try ProcessFigures(entry)) }
            case "end":
                ended = true
                report!.window = try Window(try value.require("window"))
                report!.losses = try Losses(value)
                report!.overhead = Overhead(try value.require("overhead"))
                for warning in try value.array("warnings") { report!.warnings.append(try Warning(warning)) }
            case let other: throw DecodingFailure(message: "unknown line type \"\(other)\"")
            }
        }

        mutating func add(_ figures: ProcessFigures) {
            if rows[figures.identity.id] == nil {
                order.append(figures.identity.id)
                rows[figures.identity.id] = figures
            } else {
                rows[figures.identity.id]! += figures
            }
        }

        func finished() throws(Failure) -> Report {
            guard var report else { throw Failure(message: "the file has no header") }
            if !ended { report.warnings.append(.recordingTruncated(truncation)) }
            report.processes = order.compactMap { rows[$0] }
            return report
        }
    }
}
