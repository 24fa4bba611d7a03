/// Tells which records of a map have changed since they were last read, by a digest of their bytes: decoding takes far longer.
///
/// One change in 2^63 is overlooked until the next one; the last reading of a trace decodes all records.
struct ChangedRecords<Key: Hashable, Note> {
    private var known: [Key: (digest: UInt64, note: Note)] = [:]

    /// Whether the record has to be decoded.
    /// - Parameter note: what is kept of it.
    mutating func take(_ key: Key, _ bytes: UnsafeRawBufferPointer, note: () -> Note) -> Bool {
        let digest = Self.digest(of: bytes)
        guard known[key]?.digest != digest else { return false }
        known[key] = (digest, note())
        return true
    }

    func note(of key: Key) -> Note? { known[key]?.note }

    var notes: [(key: Key, note: Note)] { known.map { ($0.key, $0.value.note) } }

    mutating func forget(_ key: Key) { known[key] = nil }

    /// - Returns: the keys of what has been forgotten.
    mutating func forget(where isGone: (Key) -> Bool) -> [Key] {
        let gone = known.keys.filter(isGone)
        for key in gone { known[key] = nil }
        return gone
    }

    /// All records are decoded by the next reading.
    mutating func distrust() { for key in known.keys { known[key]!.digest = 0 } }

    /// Never 0. The words go four ways side by side, which a CPU can do at once.
    static func digest(of bytes: UnsafeRawBufferPointer) -> UInt64 {
        let factor: UInt64 = 0x9E37_79B9_7F4A_7C15
        var lanes = SIMD4<UInt64>(1, 2, 3, 4)
        var position = 0
        while position + 32 <= bytes.count {
            lanes = mixed(lanes ^ bytes.loadUnaligned(fromByteOffset: position, as: SIMD4<UInt64>.self), factor)
            position += 32
        }
        var digest = UInt64(bytes.count)
        for lane in 0..<4 { digest = mixed(digest ^ lanes[lane], factor) }
        while position < bytes.count {
            digest = mixed(digest ^ UInt64(bytes[position]), factor)
            position += 1
        }
        return digest | 1
    }

    private static func mixed(_ value: UInt64, _ factor: UInt64) -> UInt64 {
        let product = value &* factor
        return product ^ product &>> 29
    }

    private static func mixed(_ value: SIMD4<UInt64>, _ factor: UInt64) -> SIMD4<UInt64> {
        let product = value &* factor
        return product ^ product &>> 29
    }
}
