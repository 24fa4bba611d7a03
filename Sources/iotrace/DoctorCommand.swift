import ArgumentParser
import Collector
import Glibc
import IOModel
import ProbeLoader

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what this machine allows, and what to do about it.",
        discussion: "Exit status 0 when tracing is possible, 125 when it is not.")

    func run() throws {
        var lines: [String] = []
        for finding in SystemFinding.all() { lines.append(finding.line) }
        lines.append("")
        var possible = true
        do {
            let loaded = try LoadedProbes(
                TracerConfiguration(
                    target: .pids([], awaitingExec: false), ownPID: UInt32(getpid()), samplingFrequency: 199))
            let attached = try loaded.attach()
            for (probe, description) in zip(attached.probes, attached.descriptions) {
                let mark = probe.attached ? "ok" : "missing"
                lines.append(
                    "\(mark.padded(8)) \(probe.name.padded(16)) \(description.hook.padded(20)) \(description.feeds)")
                if let reason = probe.reason { lines.append("         \(reason)") }
            }
        } catch {
            possible = false
            lines.append("no       \(error)")
        }
        lines.append("")
        lines.append(
            possible
                ? "Tracing is possible here, tier: tracepoint."
                : "Tracing is not possible here; see the lines marked no.")
        try Output.standardOutput.write(Array((lines.joined(separator: "\n") + "\n").utf8))
        if !possible { throw ExitCode(CommandFailure.couldNotWork) }
    }
}

/// One fact about the machine that decides what can be traced.
struct SystemFinding {
    enum State: String { case ok, no, note }
    var state: State
    var subject: String
    var detail: String

    var line: String { "\(state.rawValue.padded(8)) \(subject.padded(16)) \(detail)" }

    static func all() -> [SystemFinding] {
        [kernelTypes(), privilege(), lockdown(), cgroups()]
    }

    private static func kernelTypes() -> SystemFinding {
        access("/sys/kernel/btf/vmlinux", R_OK) == 0
            ? .init(state: .ok, subject: "kernel types", detail: "/sys/kernel/btf/vmlinux is readable")
            : .init(
                state: .no, subject: "kernel types",
                detail:
                    "/sys/kernel/btf/vmlinux: \(ProbeError.name(of: errno)) — needs a kernel with CONFIG_DEBUG_INFO_BTF=y"
            )
    }

    /// Bits of the effective set: linux/capability.h.
    private static func privilege() -> SystemFinding {
        let needed = [(39, "CAP_BPF"), (38, "CAP_PERFMON"), (21, "CAP_SYS_ADMIN")]
        let mask = text("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("CapEff:") }
            .flatMap { UInt64($0.dropFirst(7).filter(\.isHexDigit), radix: 16) }
        guard let mask else { return .init(state: .note, subject: "privilege", detail: "/proc is not readable") }
        let missing = needed.filter { mask & (1 << $0.0) == 0 }.map(\.1)
        return missing.isEmpty
            ? .init(state: .ok, subject: "privilege", detail: needed.map(\.1).joined(separator: ", "))
            : .init(
                state: .no, subject: "privilege",
                detail: "missing \(missing.joined(separator: ", ")) — run as root, or with these capabilities")
    }

    private static func lockdown() -> SystemFinding {
        let modes = text("/sys/kernel/security/lockdown")
        if modes.contains("[confidentiality]") {
            return .init(
                state: .no, subject: "lockdown",
                detail: "confidentiality: the kernel lets no program read its memory — boot with lockdown=integrity")
        }
        if modes.isEmpty {
            return .init(state: .note, subject: "lockdown", detail: "not readable: securityfs is not mounted")
        }
        return .init(
            state: .ok, subject: "lockdown",
            detail: modes.contains("[integrity]") ? "integrity, which allows tracepoints" : "none")
    }

    private static func cgroups() -> SystemFinding {
        CgroupFileSystem.mountPoint().map { .init(state: .ok, subject: "cgroup v2", detail: "mounted at \($0)") }
            ?? .init(state: .note, subject: "cgroup v2", detail: "not mounted, so --cgroup cannot be used")
    }

    private static func text(_ path: String) -> String {
        String(decoding: readWholeFile(path) ?? [], as: UTF8.self)
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        count < width ? self + String(repeating: " ", count: width - count) : self
    }
}
