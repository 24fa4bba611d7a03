import ArgumentParser
import Collector
import Export
import Glibc
import IOModel
import ProbeLoader

/// What the run is compared with.
struct BaselineOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Claim that nothing got worse than in this file.", valueName: "file"))
    var baseline: String?

    @Flag(help: "Write the baseline anew, instead of comparing with it.")
    var updateBaseline = false

    @Option(help: ArgumentHelp("How much a figure may grow over the baseline.", valueName: "percent"))
    var tolerance: String?

    private static let defaultTolerance = "10%"

    func check() throws {
        if updateBaseline && baseline == nil {
            throw CommandFailure("--update-baseline: give the file with --baseline")
        }
        if tolerance != nil && baseline == nil { throw CommandFailure("--tolerance belongs to --baseline") }
        _ = try share()
    }

    func share() throws -> Double { try Self.tolerance(tolerance ?? Self.defaultTolerance) }

    static func tolerance(_ text: String) throws -> Double {
        let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
        guard let percent = try? Limits.number(String(digits)), percent <= 10_000 else {
            throw CommandFailure("--tolerance \(visible(text)): it must be a number of percent, such as 10%")
        }
        return percent / 100
    }

    /// nil: there is none to compare with.
    func profiles() throws -> [IOProfile]? {
        guard let baseline, !updateBaseline else { return nil }
        guard let bytes = readWholeFile(baseline) else {
            let hint = errno == ENOENT ? " — --update-baseline writes it" : ""
            throw CommandFailure("reading the baseline \(visible(baseline)): \(ProbeError.name(of: errno))\(hint)")
        }
        do { return try ReportProfiles.profiles(fromBaseline: bytes) } catch {
            throw CommandFailure("\(visible(baseline)): \(error)")
        }
    }

    /// A run from which a baseline is made must have been complete.
    func update(_ profiles: [IOProfile], tool: Tool) throws {
        guard let baseline, updateBaseline else { return }
        try Output(path: baseline).write(ReportProfiles.baseline(profiles, tool: tool))
    }
}
