internal import CLibbpf
internal import Glibc

/// What the running kernel's BTF says exists. Existence is not permission: only loading tells that.
struct KernelTypes: ~Copyable {
    private let btf: OpaquePointer

    // BTF_KIND_FUNC and BTF_KIND_TYPEDEF (include/uapi/linux/btf.h), which two libbpf headers define differently.
    private static let functionKind: UInt32 = 12
    private static let typedefKind: UInt32 = 8

    init() throws(ProbeError) {
        let (loaded, _) = LibbpfLog.capturing { btf__load_vmlinux_btf() }
        guard let loaded else {
            throw ProbeError(
                "reading the kernel's type information /sys/kernel/btf/vmlinux", errorNumber: errno,
                advice: "iotrace needs a kernel built with CONFIG_DEBUG_INFO_BTF=y")
        }
        btf = loaded
    }

    deinit { btf__free(btf) }

    func hasTracepoint(_ name: String) -> Bool {
        btf__find_by_name_kind(btf, "btf_trace_\(name)", Self.typedefKind) > 0
    }

    /// Arguments of a tracepoint, its data pointer not counted; nil when there is no such tracepoint.
    func argumentCount(ofTracepoint name: String) -> Int? {
        let typedef = btf__find_by_name_kind(btf, "btf_trace_\(name)", Self.typedefKind)
        guard typedef > 0, let pointer = btf__type_by_id(btf, UInt32(typedef)),
            let prototype = btf__type_by_id(btf, pointer.pointee.type),
            let function = btf__type_by_id(btf, prototype.pointee.type)
        else { return nil }
        return Int(function.pointee.info & 0xFFFF) - 1
    }

    func hasFunction(_ name: String) -> Bool {
        btf__find_by_name_kind(btf, name, Self.functionKind) > 0
    }
}
