internal import Glibc

/// What the running kernel's BTF says exists. Existence is not permission: only loading tells that.
///
/// A pass of its own over the type section, since libbpf takes ten times as long to make it searchable, and makes its own
/// for loading in any case. The format: Documentation/bpf/btf.rst.
struct KernelTypes {
    private static let path = "/sys/kernel/btf/vmlinux"
    private static let tracepointPrefix = "btf_trace_"

    /// Arguments of each tracepoint, its data pointer not counted.
    private var argumentCounts: [String: Int] = [:]
    private var functions: Set<String> = []

    /// - Parameter functions: those that will be asked for.
    init(functions wanted: Set<String>) throws(ProbeError) {
        let bytes = try Self.read()
        let complete = bytes.withUnsafeBytes { bytes in scan(bytes, wanted) }
        guard complete else { throw Self.unreadable(EINVAL) }
    }

    func hasTracepoint(_ name: String) -> Bool { argumentCounts[name] != nil }

    /// Arguments of a tracepoint, its data pointer not counted; nil when there is no such tracepoint.
    func argumentCount(ofTracepoint name: String) -> Int? { argumentCounts[name] }

    func hasFunction(_ name: String) -> Bool { functions.contains(name) }

    private static func unreadable(_ errorNumber: Int32) -> ProbeError {
        ProbeError(
            "reading the kernel's type information \(path)", errorNumber: errorNumber,
            advice: "iotrace needs a kernel built with CONFIG_DEBUG_INFO_BTF=y")
    }

    private static func read() throws(ProbeError) -> [UInt8] {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw unreadable(errno) }
        defer { close(fd) }
        var information = stat()
        guard fstat(fd, &information) == 0 else { throw unreadable(errno) }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(information.st_size)) { buffer, filled in
            while filled < buffer.count {
                let count = Glibc.read(fd, buffer.baseAddress! + filled, buffer.count - filled)
                if count < 0 && errno == EINTR { continue }
                if count < 0 { failure = errno }
                if count <= 0 { return }
                filled += count
            }
        }
        guard failure == 0 else { throw unreadable(failure) }
        return bytes
    }

    // Kinds of types: include/uapi/linux/btf.h, which two libbpf headers define differently.
    private static let array: UInt32 = 3
    private static let structure: UInt32 = 4
    private static let union: UInt32 = 5
    private static let enumeration: UInt32 = 6
    private static let typedef: UInt32 = 8
    private static let function: UInt32 = 12
    private static let prototype: UInt32 = 13
    private static let variable: UInt32 = 14
    private static let section: UInt32 = 15
    private static let tag: UInt32 = 17
    private static let enumeration64: UInt32 = 19

    /// - Returns: whether it was BTF.
    private mutating func scan(_ bytes: UnsafeRawBufferPointer, _ wanted: Set<String>) -> Bool {
        func word(_ offset: Int) -> UInt32 { bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
        guard bytes.count >= 24, bytes.loadUnaligned(as: UInt16.self) == 0xEB9F else { return false }
        let header = Int(word(4))
        let (types, end) = (header + Int(word(8)), header + Int(word(8)) + Int(word(12)))
        let (strings, stringsEnd) = (header + Int(word(16)), header + Int(word(16)) + Int(word(20)))
        guard end <= bytes.count, stringsEnd <= bytes.count, stringsEnd > strings, bytes[stringsEnd - 1] == 0 else {
            return false
        }
        func hasName(at offset: UInt32, beginningWith prefix: [UInt8]) -> Bool {
            let start = strings + Int(offset)
            return start + prefix.count <= stringsEnd && bytes[start..<start + prefix.count].elementsEqual(prefix)
        }
        func name(at offset: UInt32) -> String {
            String(decoding: bytes[(strings + Int(offset))..<stringsEnd].prefix { $0 != 0 }, as: UTF8.self)
        }
        let prefix = Array(Self.tracepointPrefix.utf8)
        let wantedBytes = wanted.map { Array($0.utf8) + [0] }
        var offsets: [Int32] = [0]  // of each type, by its id
        offsets.reserveCapacity((end - types) / 24)
        var typedefs: [(name: UInt32, type: UInt32)] = []
        var at = types
        while at + 12 <= end {
            offsets.append(Int32(at))
            let (information, kind) = (word(at + 4), (word(at + 4) >> 24) & 0x1F)
            let count = Int(information & 0xFFFF)
            switch kind {
            case Self.typedef:
                if hasName(at: word(at), beginningWith: prefix) { typedefs.append((word(at), word(at + 8))) }
            case Self.function:
                for name in wantedBytes where hasName(at: word(at), beginningWith: name) {
                    functions.insert(String(decoding: name.dropLast(), as: UTF8.self))
                }
            default: break
            }
            switch kind {
            case 1, Self.variable, Self.tag: at += 16  // 1: an integer
            case Self.array: at += 24
            case Self.structure, Self.union, Self.section, Self.enumeration64: at += 12 + 12 * count
            case Self.enumeration, Self.prototype: at += 12 + 8 * count
            default: at += 12
            }
        }
        // btf_trace_NAME is a typedef of a pointer to the prototype of the tracepoint's probe.
        for (nameOffset, pointer) in typedefs {
            guard Int(pointer) < offsets.count, case let pointee = word(Int(offsets[Int(pointer)]) + 8),
                Int(pointee) < offsets.count, case let information = word(Int(offsets[Int(pointee)]) + 4),
                (information >> 24) & 0x1F == Self.prototype
            else { continue }
            argumentCounts[String(name(at: nameOffset).dropFirst(prefix.count))] = Int(information & 0xFFFF) - 1
        }
        return true
    }
}
