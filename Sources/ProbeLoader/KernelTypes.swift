internal import Glibc

/// Kinds of types: include/uapi/linux/btf.h, which two libbpf headers define differently.
enum BTFKind {
    static let magic: UInt16 = 0xEB9F

    static let integer: UInt32 = 1
    static let pointer: UInt32 = 2
    static let array: UInt32 = 3
    static let structure: UInt32 = 4
    static let union: UInt32 = 5
    static let enumeration: UInt32 = 6
    static let forward: UInt32 = 7
    static let typedef: UInt32 = 8
    static let volatile: UInt32 = 9
    static let constant: UInt32 = 10
    static let restricted: UInt32 = 11
    static let function: UInt32 = 12
    static let prototype: UInt32 = 13
    static let variable: UInt32 = 14
    static let section: UInt32 = 15
    static let tag: UInt32 = 17
    static let typeTag: UInt32 = 18
    static let enumeration64: UInt32 = 19

    /// Whether it is another type under a name or with a property.
    static func leadsOn(_ kind: UInt32) -> Bool { [typedef, volatile, constant, restricted, typeTag].contains(kind) }
}

/// What the running kernel's BTF says exists. Existence is not permission: only loading tells that.
struct KernelHooks {
    fileprivate var tracepoints: [String: (id: Int, arguments: Int)] = [:]
    fileprivate var functions: [String: Int] = [:]

    func hasTracepoint(_ name: String) -> Bool { tracepoints[name] != nil }

    /// Arguments of a tracepoint, its data pointer not counted; nil when there is no such tracepoint.
    func argumentCount(ofTracepoint name: String) -> Int? { tracepoints[name]?.arguments }

    /// The id of the type that stands for a tracepoint when a program is loaded for it.
    func id(ofTracepoint name: String) -> Int? { tracepoints[name]?.id }

    func hasFunction(_ name: String) -> Bool { functions[name] != nil }

    /// The id of a function among the kernel's types; nil when there is none, or it was not asked for.
    func id(ofFunction name: String) -> Int? { functions[name] }
}

/// The running kernel's types, all of them: some six megabytes, to be let go when what is needed has been taken from them.
///
/// A pass of its own over the type section, since libbpf takes ten times as long to make it searchable. The format: Documentation/bpf/btf.rst.
struct KernelTypes {
    private static let path = "/sys/kernel/btf/vmlinux"
    private static let tracepointPrefix = "btf_trace_"

    /// A type where it stands: its name, its information, its size or type, and what comes after those.
    struct TypeView {
        private let bytes: UnsafeRawBufferPointer
        private let offset: Int

        fileprivate init(_ bytes: UnsafeRawBufferPointer, _ offset: Int) {
            self.bytes = bytes
            self.offset = offset
        }

        func word(_ index: Int) -> UInt32 {
            bytes.loadUnaligned(fromByteOffset: offset + 4 * index, as: UInt32.self)
        }
        var name: UInt32 { word(0) }
        var information: UInt32 { word(1) }
        var kind: UInt32 { (information >> 24) & 0x1F }
        /// Of its members.
        var count: Int { Int(information & 0xFFFF) }
        var words: Int {
            switch kind {
            case BTFKind.integer, BTFKind.variable, BTFKind.tag: 4
            case BTFKind.array: 6
            case BTFKind.structure, BTFKind.union, BTFKind.section, BTFKind.enumeration64: 3 + 3 * count
            case BTFKind.enumeration, BTFKind.prototype: 3 + 2 * count
            default: 3
            }
        }
    }

    /// The file's bytes.
    private final class Contents {
        let bytes: UnsafeRawBufferPointer
        private let mapped: Bool

        init() throws(ProbeError) {
            let fd = open(path, O_RDONLY | O_CLOEXEC)
            guard fd >= 0 else { throw unreadable(errno) }
            defer { close(fd) }
            var information = stat()
            guard fstat(fd, &information) == 0 else { throw unreadable(errno) }
            let size = Int(information.st_size)
            // Linux 6.16 maps its own pages, which spares copying them into as many new ones.
            if let pages = mmap(nil, size, PROT_READ, MAP_PRIVATE, fd, 0), pages != MAP_FAILED {
                (bytes, mapped) = (UnsafeRawBufferPointer(start: pages, count: size), true)
            } else {
                (bytes, mapped) = (UnsafeRawBufferPointer(try Self.read(fd, size)), false)
            }
        }

        deinit {
            if mapped {
                munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
            } else {
                bytes.deallocate()
            }
        }

        private static func read(_ fd: Int32, _ size: Int) throws(ProbeError) -> UnsafeMutableRawBufferPointer {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
            var filled = 0
            while filled < buffer.count {
                let count = Glibc.read(fd, buffer.baseAddress! + filled, buffer.count - filled)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else {
                    let failure = count < 0 ? errno : EINVAL
                    buffer.deallocate()
                    throw unreadable(failure)
                }
                filled += count
            }
            return buffer
        }
    }

    private let contents: Contents
    private let strings: Range<Int>
    /// Where each type is, by its id. There is none with the id 0.
    private var offsets: [Int32] = [0]
    private(set) var hooks = KernelHooks()

    /// - Parameter functions: those that will be asked for.
    init(functions wanted: Set<String>) throws(ProbeError) {
        contents = try Contents()
        let bytes = contents.bytes
        func word(_ offset: Int) -> Int { Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
        guard bytes.count >= 24, bytes.loadUnaligned(as: UInt16.self) == BTFKind.magic else {
            throw Self.unreadable(EINVAL)
        }
        let header = word(4)
        let (types, typesSize) = (header + word(8), word(12))
        let (start, size) = (header + word(16), word(20))
        guard types + typesSize <= bytes.count, size > 0, start + size <= bytes.count, bytes[start + size - 1] == 0
        else { throw Self.unreadable(EINVAL) }
        strings = start..<start + size
        scan(from: types, to: types + typesSize, wanted)
    }

    /// One more than the largest id.
    var count: Int { offsets.count }

    subscript(id: Int) -> TypeView { TypeView(contents.bytes, Int(offsets[id])) }

    func name(at offset: UInt32) -> UnsafeRawBufferPointer {
        let rest = UnsafeRawBufferPointer(
            rebasing: contents.bytes[(strings.lowerBound + Int(offset))..<strings.upperBound])
        return UnsafeRawBufferPointer(rebasing: rest.prefix(strnlen(rest.baseAddress!, rest.count)))
    }

    /// All structures, unions, enumerations and type definitions that have one of these names.
    func identifiers(named names: Set<String>) -> [Int] {
        let lengths = Set(names.map(\.utf8.count))
        return (1..<count).filter { id in
            let type = self[id]
            switch type.kind {
            case BTFKind.structure, BTFKind.union, BTFKind.enumeration, BTFKind.enumeration64, BTFKind.typedef:
                let name = name(at: type.name)
                return lengths.contains(name.count) && names.contains(String(decoding: name, as: UTF8.self))
            default: return false
            }
        }
    }

    private static func unreadable(_ errorNumber: Int32) -> ProbeError {
        ProbeError(
            "reading the kernel's type information \(path)", errorNumber: errorNumber,
            advice: "iotrace needs a kernel built with CONFIG_DEBUG_INFO_BTF=y")
    }

    private mutating func scan(from start: Int, to end: Int, _ wanted: Set<String>) {
        let bytes = contents.bytes
        let strings = strings
        func hasName(at offset: UInt32, beginningWith prefix: [UInt8]) -> Bool {
            let start = strings.lowerBound + Int(offset)
            return start + prefix.count <= strings.upperBound
                && memcmp(bytes.baseAddress! + start, prefix, prefix.count) == 0
        }
        let prefix = Array(Self.tracepointPrefix.utf8)
        let wantedBytes = wanted.map { Array($0.utf8) + [0] }
        offsets.reserveCapacity((end - start) / 24)
        var typedefs: [Int] = []
        var at = start
        while at + 12 <= end {
            let type = TypeView(bytes, at)
            let next = at + 4 * type.words
            guard next <= end else { break }
            offsets.append(Int32(at))
            switch type.kind {
            case BTFKind.typedef:
                if hasName(at: type.name, beginningWith: prefix) { typedefs.append(offsets.count - 1) }
            case BTFKind.function:
                for name in wantedBytes where hasName(at: type.name, beginningWith: name) {
                    hooks.functions[String(decoding: name.dropLast(), as: UTF8.self)] = offsets.count - 1
                }
            default: break
            }
            at = next
        }
        // btf_trace_NAME is a typedef of a pointer to the prototype of the tracepoint's probe.
        for id in typedefs {
            let typedef = self[id]
            guard case let pointer = Int(typedef.word(2)), pointer < count,
                case let pointee = Int(self[pointer].word(2)), pointee < count, self[pointee].kind == BTFKind.prototype
            else { continue }
            let name = String(decoding: name(at: typedef.name).dropFirst(prefix.count), as: UTF8.self)
            hooks.tracepoints[name] = (id, self[pointee].count - 1)
        }
    }
}
