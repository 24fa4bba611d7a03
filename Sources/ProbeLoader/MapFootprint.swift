internal import CLibbpf
internal import Glibc

/// Memory of a kernel map by the kernel's own account, which grows with the entries of a hash since Linux 6.4: a hash that has
/// as much as when it was empty is empty, and need not be searched. Searching takes its time however few entries there are.
final class MapFootprint {
    /// Stays open: each read from its start has the account anew (fs/proc/fd.c), and opening takes longer than that.
    private let account: Int32

    /// nil when the account says nothing of the entries: of a map that has the memory for all of them from the start.
    init?(ofMap fd: Int32) {
        var information = bpf_map_info()
        var size = UInt32(MemoryLayout<bpf_map_info>.size)
        guard bpf_obj_get_info_by_fd(fd, &information, &size) == 0, information.type == BPF_MAP_TYPE_HASH.rawValue,
            information.map_flags & UInt32(BPF_F_NO_PREALLOC) != 0
        else { return nil }
        account = open("/proc/self/fdinfo/\(fd)", O_RDONLY | O_CLOEXEC)
        guard account >= 0 else { return nil }
    }

    deinit { close(account) }

    /// Whether this kernel accounts for entries, found by trying.
    static func followsEntries() -> Bool {
        var options = bpf_map_create_opts()
        options.sz = MemoryLayout<bpf_map_create_opts>.size
        options.map_flags = UInt32(BPF_F_NO_PREALLOC)
        let fd = bpf_map_create(BPF_MAP_TYPE_HASH, "iotrace_trial", 8, 8, 16, &options)
        guard fd >= 0 else { return false }
        defer { close(fd) }
        guard let footprint = MapFootprint(ofMap: fd), let before = footprint.bytes() else { return false }
        var entry: UInt64 = 1
        guard bpf_map_update_elem(fd, &entry, &entry, 0) == 0, let after = footprint.bytes() else { return false }
        return after > before
    }

    /// nil when the kernel does not say.
    func bytes() -> UInt64? {
        withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer in
            let count = pread(account, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else { return nil }
            return Self.memory(in: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// The number in the line `memlock:`.
    static func memory(in text: UnsafeRawBufferPointer) -> UInt64? {
        let name: StaticString = "memlock:"
        var line = text[...]
        while !line.starts(with: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)) {
            guard let end = line.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            line = line[(end + 1)...]
        }
        let digits = line.prefix { $0 != UInt8(ascii: "\n") }.drop { $0 < UInt8(ascii: "0") || $0 > UInt8(ascii: "9") }
        return digits.isEmpty ? nil : digits.reduce(0) { 10 &* $0 &+ UInt64($1 &- UInt8(ascii: "0")) }
    }
}
