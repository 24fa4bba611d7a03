internal import CLinuxShims
internal import Glibc

/// The kernel's types as far as an image is relocated against them (CO-RE), in a file for libbpf to read.
///
/// libbpf searches all of the kernel's types by name for each type of the image, 50 of them, and in each object anew. Here
/// what the image has no name for is a stub without a name, and after the last type that it needs there is nothing. Ids stay what
/// they are, since programs hand them to the kernel.
final class RelocationTypes {
    private let fd: Int32
    /// Where libbpf finds it. Objects may be opened before it is filled, and only then be loaded.
    var path: String { "/proc/self/fd/\(fd)" }

    init() throws(ProbeError) {
        fd = open_memory_file("iotrace-types")
        guard fd >= 0 else { throw ProbeError("making a file in memory", errorNumber: -fd) }
    }

    deinit { close(fd) }

    /// - Parameter names: of the image's types.
    func fill(from types: KernelTypes, names: Set<String>) throws(ProbeError) {
        let bytes = Self.bytes(of: types, names: names)
        let written = bytes.withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
        guard written == bytes.count else { throw ProbeError("writing a file in memory", errorNumber: errno) }
    }

    /// A section of types by itself.
    static func bytes(of types: KernelTypes, names: Set<String>) -> [UInt8] {
        let needed = needed(of: types, names)
        var section: [UInt8] = []
        var strings: [UInt8] = [0]
        func append(_ words: UInt32...) {
            for word in words { withUnsafeBytes(of: word) { section += $0 } }
        }
        func moved(_ name: UInt32) -> UInt32 {
            let bytes = types.name(at: name)
            guard !bytes.isEmpty else { return 0 }
            defer {
                strings += bytes
                strings.append(0)
            }
            return UInt32(strings.count)
        }
        for id in 1..<(needed.last.map { $0 + 1 } ?? 1) {
            guard needed.contains(id) else {
                append(0, BTFKind.forward << 24, 0)
                continue
            }
            let type = types[id]
            // Whatever a pointer leads to may be missing, and fields that are pointers are all alike to libbpf.
            append(moved(type.name), type.information, type.kind == BTFKind.pointer ? 0 : type.word(2))
            let each = BTFKind.wordsPerMember(type.kind)
            for member in 0..<(each == 0 ? 0 : type.count) {
                append(moved(type.word(3 + member * each)))
                for word in 1..<each { append(type.word(3 + member * each + word)) }
            }
            if each == 0 { for word in 3..<type.words { append(type.word(word)) } }
        }
        var header: [UInt8] = []
        for half: UInt16 in [BTFKind.magic, 1] { withUnsafeBytes(of: half) { header += $0 } }  // version 1, no flags
        for word in [24, 0, section.count, section.count, strings.count] {
            withUnsafeBytes(of: UInt32(word)) { header += $0 }
        }
        return header + section + strings
    }

    /// The types of these names, and those that they are made of. What a pointer leads to is none of it.
    private static func needed(of types: KernelTypes, _ names: Set<String>) -> Needed {
        var needed = Needed(count: types.count)
        var pending = types.identifiers(named: names)
        while let id = pending.popLast() {
            guard id != 0, id < types.count, needed.insert(id) else { continue }
            let type = types[id]
            switch type.kind {
            case BTFKind.structure, BTFKind.union:
                for member in 0..<type.count { pending.append(Int(type.word(4 + member * 3))) }
            case BTFKind.array: pending += [Int(type.word(3)), Int(type.word(4))]
            case BTFKind.typedef, BTFKind.volatile, BTFKind.constant, BTFKind.restricted, BTFKind.typeTag:
                pending.append(Int(type.word(2)))
            default: break
            }
        }
        return needed
    }

    private struct Needed {
        private var flags: [Bool]
        private(set) var last: Int?

        init(count: Int) { flags = [Bool](repeating: false, count: count) }

        func contains(_ id: Int) -> Bool { flags[id] }

        /// - Returns: whether it was new.
        mutating func insert(_ id: Int) -> Bool {
            guard !flags[id] else { return false }
            flags[id] = true
            last = max(last ?? 0, id)
            return true
        }
    }
}
