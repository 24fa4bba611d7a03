internal import CLibbpf
internal import Glibc

/// Where the kernel puts entries of maps. It stays, since what the allocator gives back and gets again for each search is
/// cleared by the kernel page by page, and small enough for a CPU's own cache.
final class BatchBuffer {
    private(set) var bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 8)

    deinit { bytes.deallocate() }

    /// What is in it is gone.
    func grow() {
        let size = 4 * bytes.count
        bytes.deallocate()
        bytes = .allocate(byteCount: size, alignment: 8)
    }
}

/// Reads and deletes many entries of a kernel hash in few system calls (BPF_MAP_LOOKUP_BATCH).
final class HashMapReader {
    let fd: Int32
    let name: String
    let keySize: Int
    let valueSize: Int
    /// nil where it does not tell whether the map is empty.
    private let footprint: MapFootprint?
    /// Of the map without entries, once it has been seen so.
    private var emptyBytes: UInt64?
    private let buffer: BatchBuffer

    /// - Parameters:
    ///   - buffer: for one search at a time.
    ///   - kernelAccounts: whether `MapFootprint` can be relied on.
    init<Key, Value>(
        _ object: BPFObject, _ name: String, key: Key.Type, value: Value.Type, buffer: BatchBuffer,
        kernelAccounts: Bool
    ) throws(ProbeError) {
        self.buffer = buffer
        fd = try object.map(name)
        footprint = kernelAccounts ? MapFootprint(ofMap: fd) : nil
        self.name = name
        keySize = MemoryLayout<Key>.size
        valueSize = MemoryLayout<Value>.size
    }

    /// Calls `body` with each key and value. Entries that come or go meanwhile may be missed or seen.
    func forEach(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) throws(ProbeError) {
        let bytes = footprint?.bytes()
        if let bytes, bytes == emptyBytes { return }
        let found = try search(body)
        if found == 0, let bytes, bytes == footprint?.bytes() { emptyBytes = bytes }
    }

    /// - Returns: how many entries there were.
    private func search(
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) throws(ProbeError) -> Int {
        let entrySize = keySize + valueSize
        var found = 0
        var token: UInt64 = 0
        var first = true
        while true {
            let capacity = buffer.bytes.count / entrySize
            let keys = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<(capacity * keySize)])
            let values = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[(capacity * keySize)...])
            var count = UInt32(capacity)
            var next: UInt64 = 0
            let failed = withUnsafeMutablePointer(to: &token) { token in
                bpf_map_lookup_batch(fd, first ? nil : token, &next, keys.baseAddress, values.baseAddress, &count, nil)
            }
            let reason = failed == 0 ? 0 : -failed
            if reason == ENOSPC {  // one bucket holds more than fits
                buffer.grow()
                continue
            }
            guard reason == 0 || reason == ENOENT else { throw ProbeError("reading map \(name)", errorNumber: reason) }
            found += Int(count)
            for index in 0..<Int(count) {
                body(
                    UnsafeRawBufferPointer(rebasing: keys[index * keySize..<(index + 1) * keySize]),
                    UnsafeRawBufferPointer(rebasing: values[index * valueSize..<(index + 1) * valueSize]))
            }
            if reason == ENOENT { return found }
            token = next
            first = false
        }
    }

    /// Deletes a key whose value is as `condition` says. A probe may write it meanwhile: another value that comes out is put
    /// back, unless a newer one is there.
    func delete<Key, Value>(_ key: Key, where condition: (Value) -> Bool) {
        withUnsafeBytes(of: key) { key in
            withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { value in
                let place = UnsafeMutableRawPointer(value.baseAddress!)
                guard bpf_map_lookup_elem(fd, key.baseAddress, place) == 0, condition(value[0]),
                    bpf_map_lookup_and_delete_elem(fd, key.baseAddress, place) == 0, !condition(value[0])
                else { return }
                _ = bpf_map_update_elem(fd, key.baseAddress, place, UInt64(BPF_NOEXIST))
            }
        }
    }

    /// Deletes keys; those that are gone already are no error.
    func delete<Key>(_ keys: [Key]) {
        for key in keys { withUnsafeBytes(of: key) { bytes in _ = bpf_map_delete_elem(fd, bytes.baseAddress) } }
    }
}
