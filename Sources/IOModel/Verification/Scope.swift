/// Of which processes and fds a claim is made. What is empty is not narrowed.
public struct Scope: Sendable, Equatable {
    /// Names of processes: what the kernel calls them, or the file name of their first argument, so that a process that
    /// renames itself stays in scope. Each may be a pattern.
    public var processes: [Pattern]
    public var fileTypes: [FileType]
    /// Paths of files, and addresses or names of sockets.
    public var paths: [Pattern]

    public init(processes: [Pattern] = [], fileTypes: [FileType] = [], paths: [Pattern] = []) {
        self.processes = processes
        self.fileTypes = fileTypes
        self.paths = paths
    }

    /// Some fds of a process, not all that it did.
    public var narrowsFiles: Bool { !fileTypes.isEmpty || !paths.isEmpty }
    public var isEverything: Bool { processes.isEmpty && !narrowsFiles }

    func contains(_ process: ProcessIdentity) -> Bool {
        guard !processes.isEmpty else { return true }
        let program = process.command?.first.map { String($0.split(separator: "/").last ?? $0[...]) }
        return processes.contains { pattern in
            pattern.matches(process.comm) || program.map { pattern.matches($0) } == true
        }
    }

    func contains(_ file: FileIdentity) -> Bool {
        if !fileTypes.isEmpty && !fileTypes.contains(file.type) { return false }
        guard !paths.isEmpty else { return true }
        return [file.path, file.local, file.peer].contains { name in
            name.map { name in paths.contains { $0.matches(name) } } == true
        }
    }

    /// For a person: what the claim is narrowed to.
    public var words: String? {
        var parts: [String] = []
        if !processes.isEmpty { parts.append("process \(processes.map(\.text).joined(separator: ", "))") }
        if !fileTypes.isEmpty { parts.append("fds of type \(fileTypes.map(\.rawValue).joined(separator: ", "))") }
        if !paths.isEmpty { parts.append("path \(paths.map(\.text).joined(separator: ", "))") }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}

/// A name with `*` (any text, slashes too), `?` (one character) and `\` before a character that means itself.
public struct Pattern: Sendable, Equatable {
    public let text: String
    private let parts: [Part]

    private enum Part: Sendable, Equatable {
        case character(Unicode.Scalar)
        case one
        case any
    }

    public init(_ text: String) {
        self.text = text
        var parts: [Part] = []
        var isEscaped = false
        for scalar in text.unicodeScalars {
            if isEscaped {
                parts.append(.character(scalar))
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
            } else if scalar == "*" {
                if parts.last != .any { parts.append(.any) }
            } else {
                parts.append(scalar == "?" ? .one : .character(scalar))
            }
        }
        if isEscaped { parts.append(.character("\\")) }
        self.parts = parts
    }

    /// In time that grows with the product of both lengths at most, whatever the pattern.
    public func matches(_ name: String) -> Bool {
        let name = Array(name.unicodeScalars)
        var (at, part) = (0, 0)
        var retry: (at: Int, part: Int)?
        while at < name.count {
            if part < parts.count, parts[part] == .any {
                retry = (at, part)
                part += 1
            } else if part < parts.count, parts[part] == .one || parts[part] == .character(name[at]) {
                at += 1
                part += 1
            } else if let last = retry {  // the last star takes one character more
                retry = (last.at + 1, last.part)
                (at, part) = (last.at + 1, last.part + 1)
            } else {
                return false
            }
        }
        return parts[part...].allSatisfy { $0 == .any }
    }
}
