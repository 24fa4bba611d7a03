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

/// Reads and deletes many entries of a kernel hash: searches for them (BPF_MAP_LOOKUP_BATCH), or looks up known keys.
final class HashMapReader {
    let fd: Int32
    let name: String
    let keySize: Int
    let valueSize: Int
    /// nil where the kernel does not tell how many entries there are.
    private let footprint: MapFootprint?
    private let buffer: BatchBuffer
    /// The keys that the last search found, one after the other, unless there were many.
    private var keys: [UInt8] = []
    /// To look up a key, which is a system call, takes as long as to search so many buckets.
    private static let bucketsOfLookup = 2048

    /// - Parameters:
    ///   - buffer: for one reading at a time.
    ///   - layout: see `MapFootprint`.
    init<Key, Value>(
        _ object: BPFObject, _ name: String, key: Key.Type, value: Value.Type, buffer: BatchBuffer,
        layout: MapFootprint.Layout?
    ) throws(ProbeError) {
        self.buffer = buffer
        fd = try object.map(name)
        footprint = layout.flatMap { [fd] layout in MapFootprint(ofMap: fd, layout) }
        self.name = name
        keySize = MemoryLayout<Key>.size
        valueSize = MemoryLayout<Value>.size
    }

    /// Calls `body` with each key and value. Entries that come or go meanwhile may be missed or seen.
    func forEach(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) throws(ProbeError) {
        guard let footprint, let entries = footprint.entries() else { return try search(body) }
        guard entries > 0 else { return }
        // As many entries as keys that are known: there is no other key, if each of these is there.
        if entries == keys.count / keySize, lookUp(body) { return }
        keys.removeAll(keepingCapacity: true)
        let few = entries * UInt64(Self.bucketsOfLookup) <= footprint.buckets
        try search { key, value in
            if few { keys += key }
            body(key, value)
        }
    }

    /// Looks up the keys that the last search found.
    /// - Returns: whether all of them are there. `body` is called only then.
    private func lookUp(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) -> Bool {
        let count = keys.count / keySize
        while buffer.bytes.count < count * valueSize { buffer.grow() }
        return keys.withUnsafeBytes { keys in
            for index in 0..<count {
                let failed = bpf_map_lookup_elem(
                    fd, keys.baseAddress! + index * keySize, buffer.bytes.baseAddress! + index * valueSize)
                guard failed == 0 else { return false }
            }
            for index in 0..<count {
                body(
                    UnsafeRawBufferPointer(start: keys.baseAddress! + index * keySize, count: keySize),
                    UnsafeRawBufferPointer(start: buffer.bytes.baseAddress! + index * valueSize, count: valueSize))
            }
            return true
        }
    }

    private func search(
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) throws(ProbeError) {
        let entrySize = keySize + valueSize
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
            for index in 0..<Int(count) {
                body(
                    UnsafeRawBufferPointer(rebasing: keys[index * keySize..<(index + 1) * keySize]),
                    UnsafeRawBufferPointer(rebasing: values[index * valueSize..<(index + 1) * valueSize]))
            }
            if reason == ENOENT { return }
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
