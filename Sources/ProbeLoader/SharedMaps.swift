internal import CLibbpf
internal import Glibc
internal import Synchronization

/// The maps of an image, made before any object of it is loaded, so that several objects can have them together.
final class SharedMaps {
    private let maps: [OpaquePointer]
    private let typesFD: Int32
    /// Of each map, or an errno below zero. Each is written by the thread that has taken its number.
    private let fds: UnsafeMutableBufferPointer<Int32>
    private let next = Atomic(0)

    /// - Parameter object: opened, its maps limited, not loaded.
    init(of object: BPFObject) {
        maps = object.maps
        var size: UInt32 = 0
        let types = btf__raw_data(object.types, &size)
        typesFD = bpf_btf_load(types, Int(size), nil)
        fds = .allocate(capacity: maps.count)
        fds.initialize(repeating: -1)
    }

    deinit {
        for fd in fds where fd >= 0 { close(fd) }
        fds.deallocate()
        if typesFD >= 0 { close(typesFD) }
    }

    /// Makes one map that holds no data of the image. Most of the time goes into the tables of the large ones, so any
    /// number of threads may do this at once.
    /// - Returns: false when all are made, or being made.
    func makeNext() -> Bool {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < maps.count else { return false }
        if !bpf_map__is_internal(maps[index]) { fds[index] = Self.create(maps[index], typesFD: typesFD) }
        return true
    }

    /// Makes those that hold the image's data, which has to be configured by now. The others have been made.
    func finish() throws(ProbeError) {
        for (index, map) in maps.enumerated() {
            if bpf_map__is_internal(map) { fds[index] = Self.create(map, typesFD: typesFD) }
            guard fds[index] >= 0 else {
                throw ProbeError(
                    "loading the probes: making map \(String(cString: bpf_map__name(map)))", errorNumber: -fds[index])
            }
        }
    }

    /// Has an object of the same image use these maps instead of making its own.
    func share(with object: BPFObject) throws(ProbeError) {
        for (map, fd) in zip(object.maps, fds) {
            let failed = bpf_map__reuse_fd(map, fd)
            guard failed == 0 else { throw ProbeError("sharing the probes' maps", errorNumber: -failed) }
        }
    }

    /// - Returns: the map's fd, or an errno below zero.
    private static func create(_ map: OpaquePointer, typesFD: Int32) -> Int32 {
        var options = bpf_map_create_opts()
        options.sz = MemoryLayout<bpf_map_create_opts>.size
        options.map_flags = bpf_map__map_flags(map)
        if bpf_map__type(map) == BPF_MAP_TYPE_TASK_STORAGE {  // the kernel wants to know its types
            guard typesFD >= 0 else { return typesFD }
            options.btf_fd = UInt32(typesFD)
            options.btf_key_type_id = bpf_map__btf_key_type_id(map)
            options.btf_value_type_id = bpf_map__btf_value_type_id(map)
        }
        let name = String(String(cString: bpf_map__name(map)).prefix(Int(BPF_OBJ_NAME_LEN) - 1))
        let fd = bpf_map_create(
            bpf_map__type(map), name, bpf_map__key_size(map), bpf_map__value_size(map), bpf_map__max_entries(map),
            &options)
        guard fd >= 0, bpf_map__is_internal(map) else { return fd }
        let failed = fill(map, fd)
        guard failed == 0 else {
            close(fd)
            return failed
        }
        return fd
    }

    /// Global data gets its initial value, and constants are frozen, so that the verifier can rely on them.
    private static func fill(_ map: OpaquePointer, _ fd: Int32) -> Int32 {
        var (key, size) = (UInt32(0), 0)
        if let value = bpf_map__initial_value(map, &size) {
            let failed = bpf_map_update_elem(fd, &key, value, 0)
            guard failed == 0 else { return failed }
        }
        return bpf_map__map_flags(map) & UInt32(BPF_F_RDONLY_PROG) == 0 ? 0 : bpf_map_freeze(fd)
    }
}
