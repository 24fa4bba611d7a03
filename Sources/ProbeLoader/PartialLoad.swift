internal import Glibc

/// Some of the image's programs on their way into the kernel, as an object of their own that shares the maps.
///
/// Loading is by trying: what the verifier refuses is left out at the next attempt.
final class PartialLoad {
    private let programs: Set<String>
    private let maps: SharedMaps
    private let types: RelocationTypes
    private let hooks: KernelHooks
    /// Opened and not loaded.
    private var opened: BPFObject?
    private var object: BPFObject?
    private var failure: ProbeError?
    /// Programs that the kernel refused, and why.
    private(set) var refused: [String: String] = [:]

    init(_ programs: Set<String>, of opened: BPFObject, in image: OpenedImage) {
        self.programs = programs
        self.opened = opened
        maps = image.maps
        types = image.relocation
        hooks = image.hooks
    }

    func run() { do { object = try load() } catch { failure = error } }

    /// The object, once it has run.
    func result() throws(ProbeError) -> BPFObject {
        guard let object else { throw failure ?? ProbeError("loading the probes", errorNumber: EINVAL) }
        return object
    }

    private func load() throws(ProbeError) -> BPFObject {
        while true {
            let object = if let opened { opened } else { try BPFObject.tracer(types) }
            opened = nil  // libbpf loads an object once
            object.leaveOutAll { !programs.contains($0) || refused[$0] != nil }
            try maps.share(with: object)
            let (failure, log) = LibbpfLog.capturing { object.load(hooks) }
            if failure == 0 { return object }
            guard let program = Self.refused(in: log), refused[program] == nil else {
                throw ProbeError("loading the probes", errorNumber: failure)
            }
            let verdict = Self.verdict(in: log)
            if failure == EPERM || failure == EACCES, verdict == nil {  // refused before the verifier looked at it
                throw ProbeError("loading probe \(program)", errorNumber: failure)
            }
            refused[program] =
                "the kernel refused it: \(ProbeError.name(of: failure))" + (verdict.map { ": \($0)" } ?? "")
        }
    }

    /// The program that libbpf says failed: `prog 'NAME': failed to load: -13`.
    private static func refused(in log: [String]) -> String? {
        for line in log where line.contains("failed to load") || line.contains("BPF program load failed") {
            let parts = line.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
            if line.contains("prog '"), parts.count == 3 { return String(parts[1]) }
        }
        return nil
    }

    /// The verifier's last words before its statistics; nil when it did not get that far.
    private static func verdict(in log: [String]) -> String? {
        let lines = log.joined().split(separator: "\n")
        guard let end = lines.lastIndex(where: { $0.hasPrefix("processed ") }), end > 0 else { return nil }
        return lines[max(0, end - 2)..<end].joined(separator: "; ")
    }
}
