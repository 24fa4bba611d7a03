import CLibbpf
import Glibc
import Testing

@testable import ProbeLoader

/// Against the kernel that the tests run on, with libbpf as the reader.
@Suite(.enabled(if: access("/sys/kernel/btf/vmlinux", R_OK) == 0)) struct RelocationTypesTests {
    private let kernel = btf__load_vmlinux_btf()!
    private let kind = UInt32(BTFKind.structure)

    private func reduced(to names: Set<String>, identified: [String] = []) throws -> OpaquePointer {
        let bytes = RelocationTypes.bytes(of: try KernelTypes(functions: []), names: names, identified: identified)
        return try #require(bytes.withUnsafeBytes { btf__new($0.baseAddress, UInt32($0.count)) })
    }

    @Test func aTypeHasTheMembersThatTheKernelGivesIt() throws {
        let types = try reduced(to: ["file", "task_struct"])
        for name in ["file", "task_struct"] {
            let id = btf__find_by_name_kind(types, name, kind)
            let original = btf__find_by_name_kind(kernel, name, kind)
            #expect(id > 0 && original > 0)
            let (found, expected) = (btf__type_by_id(types, UInt32(id))!, btf__type_by_id(kernel, UInt32(original))!)
            #expect(found.pointee.info == expected.pointee.info && found.pointee.size == expected.pointee.size)
            let count = Int(found.pointee.info & 0xFFFF)
            let members = UnsafeRawPointer(found + 1).bindMemory(to: btf_member.self, capacity: count)
            let originals = UnsafeRawPointer(expected + 1).bindMemory(to: btf_member.self, capacity: count)
            for index in 0..<count {
                #expect(members[index].offset == originals[index].offset)
                #expect(
                    String(cString: btf__name_by_offset(types, members[index].name_off))
                        == String(cString: btf__name_by_offset(kernel, originals[index].name_off)))
                #expect(
                    btf__resolve_size(types, members[index].type) == btf__resolve_size(kernel, originals[index].type))
            }
        }
    }

    @Test func whatATypeIsMadeOfIsThereAndWhatItPointsToIsNot() throws {
        let types = try reduced(to: ["file"])
        #expect(btf__find_by_name_kind(types, "path", kind) > 0)
        #expect(btf__find_by_name_kind(types, "inode", kind) < 0)
        #expect(btf__find_by_name_kind(types, "task_struct", kind) < 0)
    }

    @Test func anEnumerationSaysWhichIdsTheKernelGivesToStructs() throws {
        let types = try reduced(to: ["file"], identified: ["task_struct", "no_such_struct", "sock"])
        let id = btf__find_by_name_kind(types, RelocationTypes.enumeration, BTFKind.enumeration)
        let enumeration = try #require(btf__type_by_id(types, UInt32(bitPattern: id)))
        #expect(enumeration.pointee.info & 0xFFFF == 2)
        let values = UnsafeRawPointer(enumeration + 1).bindMemory(to: btf_enum.self, capacity: 2)
        for (index, name) in ["task_struct", "sock"].enumerated() {
            #expect(String(cString: btf__name_by_offset(types, values[index].name_off)) == "ID_OF_\(name)")
            #expect(values[index].val == btf__find_by_name_kind(kernel, name, kind))
        }
    }

    @Test func withoutNamesThereAreNoTypes() throws {
        #expect(btf__type_cnt(try reduced(to: ["no_such_type"])) == 1)
    }
}
