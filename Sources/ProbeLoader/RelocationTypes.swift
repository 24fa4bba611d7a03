internal import CLinuxShims
internal import Glibc

/// The kernel's types as far as an image is relocated against them (CO-RE), in a file for libbpf to read.
///
/// libbpf searches all types by name for each type of the image, 50 of them, and in each object anew; the kernel has 126,000.
/// Here are those that the image has a name for, and what they are made of, with ids of their own. Where a program hands the
/// kernel's id of a struct to it, it says `ID_OF_NAME` of an enumeration, which the kernel has not and gets its values here.
final class RelocationTypes {
    private let fd: Int32
    /// Where libbpf finds it. Objects may be opened before it is filled, and only then be loaded.
    var path: String { "/proc/self/fd/\(fd)" }

    init() throws(ProbeError) {
        fd = open_memory_file("iotrace-types")
        guard fd >= 0 else { throw ProbeError("making a file in memory", errorNumber: -fd) }
    }

    deinit { close(fd) }

    /// - Parameters:
    ///   - names: of the image's types.
    ///   - identified: names of the structs whose ids its programs hand to the kernel.
    func fill(from types: KernelTypes, names: Set<String>, identified: [String]) throws(ProbeError) {
        let bytes = Self.bytes(of: types, names: names, identified: identified)
        let written = bytes.withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
        guard written == bytes.count else { throw ProbeError("writing a file in memory", errorNumber: errno) }
    }

    /// The image's enumeration of ids, and what comes before the name of a struct in it.
    static let (enumeration, prefix) = ("iotrace_struct_ids", "ID_OF_")

    /// A section of types by itself.
    static func bytes(of types: KernelTypes, names: Set<String>, identified: [String] = []) -> [UInt8] {
        let named = types.identifiers(named: names.union(identified))
        let needed = needed(of: types, named)
        var ids: [Int: UInt32] = [0: 0]
        for (index, id) in needed.enumerated() { ids[id] = UInt32(index + 1) }
        var section = Section()
        for id in needed {
            let type = types[id]
            func appendName(at offset: UInt32) { section.append(section.name(types.name(at: offset))) }
            appendName(at: type.name)
            section.append(type.information)
            switch type.kind {
            // Whatever a pointer leads to may be missing, and fields that are pointers are all alike to libbpf.
            case BTFKind.pointer: section.append(0)
            case let kind where BTFKind.leadsOn(kind): section.append(ids[Int(type.word(2))] ?? 0)
            default: section.append(type.word(2))
            }
            switch type.kind {
            case BTFKind.structure, BTFKind.union:
                for member in 0..<type.count {
                    appendName(at: type.word(3 + 3 * member))
                    section.append(ids[Int(type.word(4 + 3 * member))] ?? 0)
                    section.append(type.word(5 + 3 * member))
                }
            case BTFKind.enumeration, BTFKind.enumeration64:
                let each = type.kind == BTFKind.enumeration ? 2 : 3
                for member in 0..<type.count {
                    appendName(at: type.word(3 + each * member))
                    for word in 1..<each { section.append(type.word(3 + each * member + word)) }
                }
            case BTFKind.array:
                for word in 3..<5 { section.append(ids[Int(type.word(word))] ?? 0) }
                section.append(type.word(5))
            default: for word in 3..<type.words { section.append(type.word(word)) }
            }
        }
        section.append(
            enumeration: enumeration,
            identified.compactMap { name in
                named.first {
                    types[$0].kind == BTFKind.structure && types.name(at: types[$0].name).elementsEqual(name.utf8)
                }
                .map { (prefix + name, UInt32($0)) }
            })
        return section.bytes
    }

    /// What types are made of, and their names.
    private struct Section {
        private var types: [UInt8] = []
        private var strings: [UInt8] = [0]

        mutating func append(_ word: UInt32) { withUnsafeBytes(of: word) { types += $0 } }

        /// - Returns: where it is among the names.
        mutating func name(_ bytes: some Collection<UInt8>) -> UInt32 {
            guard !bytes.isEmpty else { return 0 }
            defer {
                strings += bytes
                strings.append(0)
            }
            return UInt32(strings.count)
        }

        mutating func append(enumeration: String, _ values: [(name: String, value: UInt32)]) {
            guard !values.isEmpty else { return }
            append(name(enumeration.utf8))
            append(BTFKind.enumeration << 24 | UInt32(values.count))
            append(4)  // bytes
            for (name, value) in values {
                append(self.name(name.utf8))
                append(value)
            }
        }

        var bytes: [UInt8] {
            var header: [UInt8] = []
            // Version 1, no flags.
            for half: UInt16 in [BTFKind.magic, 1] { withUnsafeBytes(of: half) { header += $0 } }
            for word in [24, 0, types.count, types.count, strings.count] {
                withUnsafeBytes(of: UInt32(word)) { header += $0 }
            }
            return header + types + strings
        }
    }

    /// These types, and those that they are made of, in order. What a pointer leads to is none of it.
    private static func needed(of types: KernelTypes, _ named: [Int]) -> [Int] {
        var needed: Set<Int> = []
        var pending = named
        while let id = pending.popLast() {
            guard id != 0, id < types.count, needed.insert(id).inserted else { continue }
            let type = types[id]
            switch type.kind {
            case BTFKind.structure, BTFKind.union:
                for member in 0..<type.count { pending.append(Int(type.word(4 + member * 3))) }
            case BTFKind.array: pending += [Int(type.word(3)), Int(type.word(4))]
            case let kind where BTFKind.leadsOn(kind): pending.append(Int(type.word(2)))
            default: break
            }
        }
        return needed.sorted()
    }
}
