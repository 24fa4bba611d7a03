internal import Glibc
internal import IOModel

/// Where names come from that the kernel side does not have.
public protocol ProcessNaming {
    /// Called before the names of a snapshot are asked for.
    mutating func startSnapshot()
    /// The arguments of a process that runs; nil when it has gone.
    mutating func command(ofProcess pid: UInt32) -> [String]?
    /// The path of a cgroup (v2) by its id, from the root of the hierarchy.
    mutating func cgroup(id: UInt64) -> String?
}

/// Names from /proc and the cgroup file system.
public struct SystemNames: ProcessNaming {
    private var cgroups: [UInt64: String] = [:]
    private var mayScan = true
    private let root: String?

    public init() { root = CgroupFileSystem.mountPoint() }

    public mutating func startSnapshot() { mayScan = true }

    public func command(ofProcess pid: UInt32) -> [String]? {
        guard let bytes = readWholeFile("/proc/\(pid)/cmdline"), !bytes.isEmpty else { return nil }
        var arguments = bytes.split(separator: 0, omittingEmptySubsequences: false).map { decodeName($0) }
        // A program that writes a title of its own over its arguments pads the rest with NULs (setproctitle(3)).
        while arguments.last == "" { arguments.removeLast() }
        return arguments
    }

    public mutating func cgroup(id: UInt64) -> String? {
        guard let root else { return nil }
        if cgroups[id] == nil, mayScan {  // at most one walk a snapshot, however many ids are unknown
            mayScan = false
            cgroups.merge(CgroupFileSystem.paths(under: root)) { $1 }
        }
        return cgroups[id]
    }
}

/// The cgroup v2 hierarchy. A cgroup's id is the inode number of its directory (fs/kernfs).
public enum CgroupFileSystem {
    /// Where cgroup2 is mounted; nil when it is not.
    public static func mountPoint() -> String? {
        guard let mounts = readWholeFile("/proc/self/mounts") else { return nil }
        for line in String(decoding: mounts, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count > 2, fields[2] == "cgroup2" { return String(fields[1]) }
        }
        return nil
    }

    /// - Returns: the id of a cgroup directory, or nil with errno set.
    public static func id(ofDirectory path: String) -> UInt64? {
        var information = stat()
        guard stat(path, &information) == 0 else { return nil }
        guard information.st_mode & S_IFMT == S_IFDIR else {
            errno = ENOTDIR
            return nil
        }
        return UInt64(information.st_ino)
    }

    static func paths(under root: String) -> [UInt64: String] {
        var found: [UInt64: String] = [:]
        var waiting = [""]
        while let path = waiting.popLast() {
            guard let id = id(ofDirectory: root + path) else { continue }
            found[id] = path.isEmpty ? "/" : path
            guard let directory = opendir(root + path) else { continue }
            defer { closedir(directory) }
            while let entry = readdir(directory) {
                guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { decodeName($0.prefix { $0 != 0 }) }
                if name != ".", name != ".." { waiting.append("\(path)/\(name)") }
            }
        }
        return found
    }
}

/// The bytes of a file whose size is not known beforehand, as in /proc; nil with errno set when it cannot be read.
public func readWholeFile(_ path: String) -> [UInt8]? {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { return nil }
    defer { close(fd) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = read(fd, &chunk, chunk.count)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { return nil }
        if count == 0 { return bytes }
        bytes += chunk[..<count]
    }
}
