internal import CLibbpf
internal import CProbeABI
internal import Glibc
internal import IOModel
internal import ProbeImages

/// A link keeps a program attached; closing it detaches. The kernel closes it too when this process dies in any way.
final class BPFLink {
    let fileDescriptor: Int32
    /// Of those that libbpf has made.
    private let pointer: OpaquePointer?

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
        fileDescriptor = bpf_link__fd(pointer)
    }

    init(fd: Int32) {
        pointer = nil
        fileDescriptor = fd
    }

    deinit { if let pointer { bpf_link__destroy(pointer) } else { close(fileDescriptor) } }
}

/// A libbpf object: its maps and programs by name.
final class BPFObject {
    private let pointer: OpaquePointer

    /// - Parameter types: a file with the kernel's types, to relocate the image against.
    init(image: [UInt8], name: String, types: String) throws(ProbeError) {
        TracingPrograms.register()
        let (opened, log) = LibbpfLog.capturing {
            types.withCString { types in
                var options = bpf_object_open_opts()
                options.sz = MemoryLayout<bpf_object_open_opts>.size
                options.btf_custom_path = types
                return image.withUnsafeBytes { bytes in bpf_object__open_mem(bytes.baseAddress, bytes.count, &options) }
            }
        }
        guard let opened else {
            throw ProbeError("opening the probe image \(name)", errorNumber: errno, advice: log.joined())
        }
        pointer = opened
    }

    deinit { bpf_object__close(pointer) }

    static func tracer(_ types: RelocationTypes) throws(ProbeError) -> BPFObject {
        try BPFObject(image: ProbeImage.tracer.bytes, name: "iotrace", types: types.path)
    }

    /// - Returns: 0 or an errno.
    func load(_ hooks: KernelHooks) -> Int32 { TracingPrograms.withHooks(hooks) { -bpf_object__load(pointer) } }

    /// Another object of the same image, with the same maps, that has loaded those programs which this one has left out.
    var other: BPFObject?

    /// The program, of the other object where only that has loaded it.
    func program(_ name: String) -> OpaquePointer? {
        let program = bpf_object__find_program_by_name(pointer, name)
        if let other, let program, bpf_program__fd(program) < 0, let loaded = other.program(name),
            bpf_program__fd(loaded) >= 0
        {
            return loaded
        }
        return program
    }

    /// In the order of the image.
    var maps: [OpaquePointer] {
        var maps: [OpaquePointer] = []
        while let next = bpf_object__next_map(pointer, maps.last) { maps.append(next) }
        return maps
    }

    /// The image's own types.
    var types: OpaquePointer? { bpf_object__btf(pointer) }

    /// Names of the image's own types.
    var typeNames: Set<String> {
        var names: Set<String> = []
        for id in 1..<max(1, btf__type_cnt(types)) {
            guard let type = btf__type_by_id(types, id), let name = btf__name_by_offset(types, type.pointee.name_off)
            else { continue }
            names.insert(String(cString: name))
        }
        return names.subtracting([""])
    }

    /// Names of the structs whose ids the image's programs hand to the kernel.
    var identifiedStructs: [String] {
        let id = btf__find_by_name_kind(types, RelocationTypes.enumeration, BTFKind.enumeration)
        guard id > 0, let type = btf__type_by_id(types, UInt32(id)) else { return [] }
        let values = UnsafeRawPointer(type + 1).assumingMemoryBound(to: btf_enum.self)
        return (0..<Int(type.pointee.info & 0xFFFF)).compactMap { index in
            btf__name_by_offset(types, values[index].name_off).map {
                String(String(cString: $0).dropFirst(RelocationTypes.prefix.count))
            }
        }
    }

    /// - Parameter unwanted: says which programs are not to be loaded.
    func leaveOutAll(_ unwanted: (String) -> Bool) {
        var program = bpf_object__next_program(pointer, nil)
        while let current = program {
            if unwanted(String(cString: bpf_program__name(current))) { bpf_program__set_autoload(current, false) }
            program = bpf_object__next_program(pointer, current)
        }
    }

    /// To its tracepoint.
    func attach(_ program: String) throws(ProbeError) -> BPFLink {
        guard let found = self.program(program) else {
            throw ProbeError("finding probe \(program)", errorNumber: ENOENT)
        }
        let fd = bpf_program__fd(found)
        guard fd >= 0 else { throw ProbeError("attaching probe \(program)", errorNumber: ENOENT) }
        let link = bpf_raw_tracepoint_open(nil, fd)
        guard link >= 0 else { throw ProbeError("attaching probe \(program)", errorNumber: -link) }
        return BPFLink(fd: link)
    }

    /// - Parameter event: its fd, which the link takes over.
    func attach(_ program: String, toPerfEvent event: Int32) throws(ProbeError) -> BPFLink {
        guard let found = self.program(program) else {
            throw ProbeError("finding probe \(program)", errorNumber: ENOENT)
        }
        let (link, _) = LibbpfLog.capturing { bpf_program__attach_perf_event(found, event) }
        guard let link else {
            let failure = errno
            close(event)
            throw ProbeError("attaching probe \(program)", errorNumber: failure)
        }
        return BPFLink(link)
    }

    /// Runs a program of type syscall once.
    /// - Returns: why it failed, if so.
    func run(_ program: String) -> String? {
        guard let found = self.program(program) else { return "there is no probe \(program)" }
        let fd = bpf_program__fd(found)
        guard fd >= 0 else { return "the probe \(program) is not loaded" }
        var options = bpf_test_run_opts()
        options.sz = MemoryLayout<bpf_test_run_opts>.size
        let failed = bpf_prog_test_run_opts(fd, &options)
        let result = failed != 0 ? -failed : -Int32(bitPattern: options.retval)
        return result == 0 ? nil : ProbeError.name(of: result)
    }

    func map(_ name: String) throws(ProbeError) -> Int32 {
        let fd = bpf_object__find_map_fd_by_name(pointer, name)
        guard fd >= 0 else { throw ProbeError("finding map \(name)", errorNumber: -fd) }
        return fd
    }

    func configure(
        _ configuration: TracerConfiguration, hasReadOnlyCast: Bool, hasIOMapEvents: Bool
    ) throws(ProbeError) {
        var config = iotrace_config()
        config.follow = configuration.follow ? 1 : 0
        config.tracer = configuration.ownPID
        config.has_rdonly_cast = hasReadOnlyCast ? 1 : 0
        config.has_iomap_events = hasIOMapEvents ? 1 : 0
        config.ledger = configuration.accountsCopies ? 1 : 0
        config.models = configuration.classifies ? 1 : 0
        config.request_timing = configuration.requestTiming.rawValue
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
    }

    /// Makes the maps that grow with what is traced smaller than they are.
    func limitMaps(to limit: UInt32) {
        for name in ["processes", "process_calls", "files", "fd_bindings", "hidden_copies", "pairs"] {
            guard let map = bpf_object__find_map_by_name(pointer, name) else { continue }
            bpf_map__set_max_entries(map, limit)
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
        var flags = trait.loader ? IOTRACE_TRAIT_LOADER : 0
        switch trait.messageFlags {
        case .third: flags |= IOTRACE_TRAIT_MSG_FLAGS_THIRD
        case .fourth: flags |= IOTRACE_TRAIT_MSG_FLAGS_FOURTH
        case nil: break
        }
        switch trait.waitFlags {
        case .fourth: flags |= IOTRACE_TRAIT_NOWAIT_FOURTH
        case .sixth: flags |= IOTRACE_TRAIT_NOWAIT_SIXTH
        case nil: break
        }
        self.init(kind: trait.kind.rawValue, cause: UInt8(cause), flags: UInt8(flags), reserved: 0)
    }
}
