/// Files that are part of a program: its code, its settings, its own state in /proc. Reading them is start-up, not the
/// program's I/O, so it decides no tag. Told by the path; docs/models/program-files.md has the limits.
struct ProgramFiles: Sendable {
    private let places: [String]
    /// What an interpreter was told to run, without its directory's dots.
    private let script: String?

    /// - Parameter command: the process's arguments, where they are known.
    init(pid: UInt32, command: [String]?) {
        places = Self.places + ["/proc/\(pid)/"]
        script = command.flatMap(Self.script)
    }

    func contain(_ file: FileIdentity) -> Bool {
        guard file.type == .regular || file.type == .directory, let path = file.path else { return false }
        return places.contains { path.hasPrefix($0) } || Self.suffixes.contains { path.hasSuffix($0) }
            || Self.parts.contains { path.contains($0) } || isScript(path)
    }

    private static let places = [
        "/usr/lib", "/usr/local/lib", "/lib", "/usr/share/locale", "/usr/share/zoneinfo/", "/usr/share/nodejs/",
        "/usr/share/perl", "/etc/", "/proc/self/", "/proc/thread-self/", "/proc/sys/", "/sys/", "/proc/meminfo",
        "/proc/cpuinfo", "/proc/stat", "/proc/cgroups", "/proc/filesystems", "/proc/mounts", "/proc/version",
        "/tmp/hsperfdata_",
    ]

    private static let suffixes = [
        ".so", ".py", ".pyc", ".jar", ".class", ".js", ".mjs", ".cjs", ".node", "/package.json", "/pyvenv.cfg", ".pth",
    ]

    private static let parts = [".so.", "/site-packages/", "/node_modules/"]

    /// Of those that read the program that they run as a file.
    private static let interpreters = [
        "sh", "dash", "bash", "zsh", "ksh", "perl", "python", "ruby", "php", "node", "lua", "java",
    ]

    private func isScript(_ path: String) -> Bool {
        guard let script else { return false }
        return path == script || path.hasSuffix("/\(script)")
    }

    private static func script(_ command: [String]) -> String? {
        guard let program = command.first?.split(separator: "/").last,
            interpreters.contains(where: { program == $0 || isVersion(program, of: $0) }),
            let argument = command.dropFirst().first(where: { !$0.hasPrefix("-") })
        else { return nil }
        let parts = argument.split(separator: "/").filter { $0 != "." }
        return argument.hasPrefix("/") ? argument : parts.joined(separator: "/")
    }

    /// python3.13, bash-5, lua5.4.
    private static func isVersion(_ program: Substring, of name: String) -> Bool {
        program.hasPrefix(name) && program.dropFirst(name.count).allSatisfy { $0.isNumber || $0 == "." || $0 == "-" }
    }
}
