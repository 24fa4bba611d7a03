internal import CLibbpf
internal import Glibc

/// How many entries a hash has, by the kernel's own account of its memory, which grows with them since Linux 6.4
/// (kernel/bpf/hashtab.c: htab_map_mem_usage()). Searching takes its time however few entries there are.
final class MapFootprint {
    /// What a hash has in memory, found by trying; nil where this kernel's account does not follow the entries.
    struct Layout {
        /// Of a hash without buckets, of a bucket, and of an entry without its key and value.
        let bare: UInt64
        let bucket: UInt64
        let entry: UInt64
    }

    /// Stays open: each read from its start has the account anew (fs/proc/fd.c), and opening takes longer than that.
    private let account: Int32
    let buckets: UInt64
    private let empty: UInt64
    private let entry: UInt64

    /// nil when the account says nothing of the entries: of a map that has the memory for all of them from the start.
    init?(ofMap fd: Int32, _ layout: Layout) {
        var information = bpf_map_info()
        var size = UInt32(MemoryLayout<bpf_map_info>.size)
        guard bpf_obj_get_info_by_fd(fd, &information, &size) == 0, information.type == BPF_MAP_TYPE_HASH.rawValue,
            information.map_flags & UInt32(BPF_F_NO_PREALLOC) != 0
        else { return nil }
        var buckets: UInt64 = 1
        while buckets < information.max_entries { buckets *= 2 }
        self.buckets = buckets
        empty = layout.bare + buckets * layout.bucket
        entry = layout.entry + UInt64((information.key_size + 7) / 8 * 8 + (information.value_size + 7) / 8 * 8)
        account = open("/proc/self/fdinfo/\(fd)", O_RDONLY | O_CLOEXEC)
        guard account >= 0 else { return nil }
    }

    deinit { close(account) }

    static func layout() -> Layout? {
        let nothing = Layout(bare: 0, bucket: 0, entry: 0)
        func bytes(buckets: UInt32, entries: UInt64) -> UInt64? {
            var options = bpf_map_create_opts()
            options.sz = MemoryLayout<bpf_map_create_opts>.size
            options.map_flags = UInt32(BPF_F_NO_PREALLOC)
            let fd = bpf_map_create(BPF_MAP_TYPE_HASH, "iotrace_trial", 8, 8, buckets, &options)
            guard fd >= 0 else { return nil }
            defer { close(fd) }
            for key in 0..<entries {
                var key = key
                guard bpf_map_update_elem(fd, &key, &key, 0) == 0 else { return nil }
            }
            return MapFootprint(ofMap: fd, nothing)?.bytes()
        }
        guard let small = bytes(buckets: 16, entries: 0), let large = bytes(buckets: 32, entries: 0),
            let filled = bytes(buckets: 16, entries: 2), large > small, filled > small + 32,
            small >= large - small
        else { return nil }
        let bucket = (large - small) / 16
        return Layout(bare: small - 16 * bucket, bucket: bucket, entry: (filled - small) / 2 - 16)
    }

    /// nil when the kernel does not say.
    func entries() -> UInt64? {
        guard let bytes = bytes(), bytes >= empty, (bytes - empty) % entry == 0 else { return nil }
        return (bytes - empty) / entry
    }

    private func bytes() -> UInt64? {
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
