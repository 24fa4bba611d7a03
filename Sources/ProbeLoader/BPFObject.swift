internal import CLibbpf
internal import CProbeABI
internal import Glibc
internal import IOModel

/// A link keeps a program attached; closing it detaches. The kernel closes it too when this process dies in any way.
final class BPFLink {
    private let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }
    deinit { bpf_link__destroy(pointer) }

    var fileDescriptor: Int32 { bpf_link__fd(pointer) }
}

/// A libbpf object: its maps and programs by name.
final class BPFObject {
    private let pointer: OpaquePointer

    init(image: [UInt8], name: String) throws(ProbeError) {
        let (opened, log) = LibbpfLog.capturing {
            image.withUnsafeBytes { bytes in bpf_object__open_mem(bytes.baseAddress, bytes.count, nil) }
        }
        guard let opened else {
            throw ProbeError("opening the probe image \(name)", errorNumber: errno, advice: log.joined())
        }
        pointer = opened
    }

    deinit { bpf_object__close(pointer) }

    /// - Returns: 0 or an errno.
    func load() -> Int32 { -bpf_object__load(pointer) }

    func program(_ name: String) -> OpaquePointer? { bpf_object__find_program_by_name(pointer, name) }

    func leaveOut(_ program: String) {
        if let program = self.program(program) { bpf_program__set_autoload(program, false) }
    }

    func attach(_ program: String) throws(ProbeError) -> BPFLink {
        guard let found = self.program(program) else {
            throw ProbeError("finding probe \(program)", errorNumber: ENOENT)
        }
        let (link, _) = LibbpfLog.capturing { bpf_program__attach(found) }
        guard let link else { throw ProbeError("attaching probe \(program)", errorNumber: errno) }
        return BPFLink(link)
    }

    func map(_ name: String) throws(ProbeError) -> Int32 {
        let fd = bpf_object__find_map_fd_by_name(pointer, name)
        guard fd >= 0 else { throw ProbeError("finding map \(name)", errorNumber: -fd) }
        return fd
    }

    func configure(_ configuration: TracerConfiguration, hasReadOnlyCast: Bool) throws(ProbeError) {
        var config = iotrace_config()
        config.follow = configuration.follow ? 1 : 0
        config.tracer = configuration.ownPID
        config.has_rdonly_cast = hasReadOnlyCast ? 1 : 0
        switch configuration.target {
        case .pids: config.target = UInt32(IOTRACE_TARGET_PIDS)
        case .comm(let name):
            config.target = UInt32(IOTRACE_TARGET_COMM)
            withUnsafeMutableBytes(of: &config.comm) { bytes in
                bytes.copyBytes(from: name.utf8.prefix(Int(IOTRACE_COMM_BYTES) - 1))
            }
        case .cgroup(let id):
            config.target = UInt32(IOTRACE_TARGET_CGROUP)
            config.cgroup_id = id
        case .all: config.target = UInt32(IOTRACE_TARGET_ALL)
        }
        withUnsafeMutableBytes(of: &config.traits) { bytes in
            let traits = bytes.bindMemory(to: iotrace_trait.self)
            for number in traits.indices { traits[number] = iotrace_trait(SyscallTrait.of(UInt32(number))) }
        }
        let failed = bpf_map__set_initial_value(
            bpf_object__find_map_by_name(pointer, ".rodata.config"), &config, MemoryLayout<iotrace_config>.size)
        guard failed == 0 else { throw ProbeError("configuring the probes", errorNumber: -failed) }
        if let limit = configuration.mapLimit {
            for name in ["processes", "process_calls", "files", "fd_bindings"] {
                guard let map = bpf_object__find_map_by_name(pointer, name) else { continue }
                bpf_map__set_max_entries(map, limit)
            }
        }
    }
}

extension iotrace_trait {
    init(_ trait: SyscallTrait) {
        let cause =
            switch trait.wait {
            case .cause(let cause): cause.rawValue
            case .fdIn: Int(IOTRACE_CAUSE_BY_FD_IN)
            case .fdOut: Int(IOTRACE_CAUSE_BY_FD_OUT)
            }
        self.init(
            kind: trait.kind.rawValue, cause: UInt8(cause), flags: trait.loader ? UInt8(IOTRACE_TRAIT_LOADER) : 0,
            reserved: 0)
    }
}
