internal import CLibbpf
internal import CProbeABI
internal import Glibc
internal import IOModel

/// Decodes the kernel's maps into a `Snapshot`.
final class SnapshotReader {
    /// What it takes to find the kernel's other entries for a file.
    private struct FileNote {
        var processID: UInt64
        var fd: Int32
        var address: UInt64
        var pathNumber: UInt64
        var fdsDiffer: Bool

        var binding: iotrace_fd_key { iotrace_fd_key(process_id: processID, fd: fd, reserved: 0) }
        var openFile: iotrace_open_file_key { iotrace_open_file_key(process_id: processID, file: address) }
        var path: iotrace_path_key { iotrace_path_key(process_id: processID, path: pathNumber) }
    }
    private let object: BPFObject
    private let processes: HashMapReader
    private let calls: HashMapReader
    private let files: HashMapReader
    private let bindings: HashMapReader
    private let closedPaths: HashMapReader
    private let latencies: HashMapReader
    private let openFiles: HashMapReader
    private let hidden: HashMapReader
    private let pairs: HashMapReader
    private let hiddenOverflow: HashMapReader
    private let pairOverflow: HashMapReader
    private let endedThreads: HashMapReader
    private let samples: HashMapReader
    private let requests: HashMapReader
    private let requestOverflow: HashMapReader
    private let requestLatencies: HashMapReader
    private let rings: HashMapReader
    private let losses: Int32
    private var knownProcesses = ChangedRecords<UInt64, Void>()
    private var knownFiles = ChangedRecords<UInt64, FileNote>()
    private var knownLatencies = ChangedRecords<Snapshot.CallKey, Void>()
    /// By process and call.
    private var knownSamples = ChangedRecords<Snapshot.CallKey, Void>()

    init(_ object: BPFObject) throws(ProbeError) {
        let layout = MapFootprint.layout()
        let buffer = BatchBuffer()
        func map<Key, Value>(_ name: String, key: Key.Type, value: Value.Type) throws(ProbeError) -> HashMapReader {
            try HashMapReader(object, name, key: key, value: value, buffer: buffer, layout: layout)
        }
        self.object = object
        processes = try map("processes", key: UInt64.self, value: iotrace_process_record.self)
        calls = try map("process_calls", key: iotrace_call_key.self, value: iotrace_call_counter.self)
        files = try map("files", key: UInt64.self, value: iotrace_file_record.self)
        bindings = try map("fd_bindings", key: iotrace_fd_key.self, value: iotrace_fd_binding.self)
        closedPaths = try map("closed_paths", key: iotrace_path_key.self, value: UInt64.self)
        latencies = try map("latencies", key: iotrace_call_key.self, value: iotrace_latency.self)
        openFiles = try map("open_files", key: iotrace_open_file_key.self, value: UInt64.self)
        hidden = try map("hidden_copies", key: iotrace_hidden_key.self, value: iotrace_hidden.self)
        pairs = try map("pairs", key: iotrace_pair_key.self, value: iotrace_pair.self)
        hiddenOverflow = try map("hidden_overflow", key: iotrace_hidden_key.self, value: iotrace_hidden.self)
        pairOverflow = try map("pair_overflow", key: iotrace_pair_key.self, value: iotrace_pair.self)
        endedThreads = try map("ended_threads", key: iotrace_thread_key.self, value: iotrace_thread_copies.self)
        samples = try map("samples", key: iotrace_sample_key.self, value: iotrace_samples.self)
        requests = try map("requests", key: iotrace_request_key.self, value: iotrace_request_counter.self)
        requestOverflow = try map(
            "request_overflow", key: iotrace_request_key.self, value: iotrace_request_counter.self)
        requestLatencies = try map("request_latencies", key: iotrace_request_key.self, value: iotrace_latency.self)
        rings = try map("uring_rings", key: iotrace_ring_key.self, value: iotrace_ring.self)
        losses = try object.map("losses")
    }

    /// Everything but the live threads, less the processes, files and latencies that are as they were last read.
    func read() throws(ProbeError) -> Snapshot {
        var clock = timespec()
        clock_gettime(CLOCK_MONOTONIC, &clock)
        var snapshot = Snapshot(takenAt: UInt64(clock.tv_sec) * 1_000_000_000 + UInt64(clock.tv_nsec))
        try processes.forEach { key, value in
            guard knownProcesses.take(key.loadUnaligned(as: UInt64.self), value, note: {}) else { return }
            snapshot.processes.append(decodeProcess(value))
        }
        try calls.forEach { key, value in
            let counter = value.loadUnaligned(as: iotrace_call_counter.self)
            snapshot.calls[Snapshot.CallKey(key.loadUnaligned(as: iotrace_call_key.self))] = CallFigures(counter)
        }
        try files.forEach { key, value in
            let note = {
                let record = value.loadUnaligned(as: iotrace_file_record.self)
                return FileNote(
                    processID: record.process_id, fd: record.fd, address: record.file, pathNumber: record.path_number,
                    fdsDiffer: record.fds_differ != 0)
            }
            guard knownFiles.take(key.loadUnaligned(as: UInt64.self), value, note: note) else { return }
            snapshot.files.append(decodeFile(value))
        }
        try latencies.forEach { key, value in
            let key = Snapshot.CallKey(key.loadUnaligned(as: iotrace_call_key.self))
            guard knownLatencies.take(key, value, note: {}) else { return }
            snapshot.latencies[key] = decodeLatency(value)
        }
        try readCopies(into: &snapshot)
        snapshot.losses = try readLosses()
        return snapshot
    }

    /// The next reading has everything.
    func distrust() {
        knownProcesses.distrust()
        knownFiles.distrust()
        knownLatencies.distrust()
        knownSamples.distrust()
    }

    private func readCopies(into snapshot: inout Snapshot) throws(ProbeError) {
        for map in [hidden, hiddenOverflow] {
            try map.forEach { key, value in
                let key = key.loadUnaligned(as: iotrace_hidden_key.self)
                let value = value.loadUnaligned(as: iotrace_hidden.self)
                let row = HiddenFigures.Key(
                    file: key.file_id, operation: Operation(code: key.operation), code: key.code)
                snapshot.hidden[key.process_id, default: [:]][row, default: HiddenFigures()] += HiddenFigures(
                    operations: value.operations, bytes: value.bytes)
            }
        }
        for map in [pairs, pairOverflow] {
            try map.forEach { key, value in
                let key = key.loadUnaligned(as: iotrace_pair_key.self)
                let value = value.loadUnaligned(as: iotrace_pair.self)
                snapshot.pairs[key.process_id, default: [:]][.init(source: key.source, sink: key.sink)] = PairFigures(
                    operations: value.operations, bytes: value.bytes,
                    kernelToKernel: value.kernel_to_kernel, unknown: value.unknown)
            }
        }
        try endedThreads.forEach { key, value in
            let key = key.loadUnaligned(as: iotrace_thread_key.self)
            let copies = value.loadUnaligned(as: iotrace_thread_copies.self)
            snapshot.endedThreads[key.process_id, default: [:]][.init(started: key.started_ns, tid: key.tid)] =
                ThreadCopies(
                    bytesIn: copies.bytes_in, bytesOut: copies.bytes_out, fromProcesses: copies.from_processes,
                    toProcesses: copies.to_processes, ledger: LedgerFigures(copies.ledger))
        }
        for map in [requests, requestOverflow] {
            try map.forEach { key, value in
                let key = key.loadUnaligned(as: iotrace_request_key.self)
                let figures = RequestFigures(value.loadUnaligned(as: iotrace_request_counter.self))
                snapshot.requests[key.process_id, default: [:]][.init(key), default: RequestFigures()] += figures
            }
        }
        try requestLatencies.forEach { key, value in
            let key = key.loadUnaligned(as: iotrace_request_key.self)
            snapshot.requestLatencies[key.process_id, default: [:]][.init(key)] = decodeLatency(value)
        }
        try rings.forEach { key, value in
            let key = key.loadUnaligned(as: iotrace_ring_key.self)
            let ring = value.loadUnaligned(as: iotrace_ring.self)
            snapshot.rings[key.process_id, default: [:]][key.ring] = UringRing(
                setupFlags: ring.setup_flags, fd: ring.fd < 0 ? nil : ring.fd, overflows: ring.overflows)
        }
        try samples.forEach { key, value in
            let key = key.loadUnaligned(as: iotrace_sample_key.self)
            let row = Snapshot.CallKey(processID: key.process_id, number: key.nr)
            guard knownSamples.take(row, value, note: {}) else { return }
            let value = value.loadUnaligned(as: iotrace_samples.self)
            snapshot.samples[key.process_id, default: [:]][key.nr] = SampleFigures(
                samples: value.samples, copying: value.copying, zeroing: value.zeroing)
        }
    }

    private func readLosses() throws(ProbeError) -> Losses {
        var key: UInt32 = 0
        var value = iotrace_losses()
        let failed = bpf_map_lookup_elem(losses, &key, &value)
        guard failed == 0 else { throw ProbeError("reading map losses", errorNumber: -failed) }
        var losses = Losses()
        losses.threadStorageFailed = value.thread_storage_failed
        losses.processMapFull = value.process_map_full
        losses.callMapFull = value.call_map_full
        losses.fileMapFull = value.file_map_full
        losses.latencyMapFull = value.latency_map_full
        losses.userReadFailed = value.user_read_failed
        losses.ledgerMapFull = value.ledger_map_full
        losses.mappingBusy = value.mapping_busy
        losses.uringUnnamed = value.uring_unnamed
        return losses
    }

    func forget(
        processes ended: Set<UInt64>, files gone: [UInt64], unused: Set<UInt64>, in snapshot: Snapshot
    ) {
        for id in unused { retire(id) }
        let ownFiles = ended.isEmpty ? [] : knownFiles.notes.filter { ended.contains($0.note.processID) }
        var reopened = unused.filter { knownFiles.note(of: $0)?.fdsDiffer == true }
        reopened.formUnion(ownFiles.lazy.filter(\.note.fdsDiffer).map(\.key))
        forgetEarlierBindings(of: reopened)
        if !ended.isEmpty {
            calls.delete(snapshot.calls.keys.filter { ended.contains($0.processID) }.map { $0.abi })
            latencies.delete(knownLatencies.forget { ended.contains($0.processID) }.map { $0.abi })
            let files = ownFiles.map(\.note)
            bindings.delete(files.map(\.binding))
            openFiles.delete(files.map(\.openFile))
            closedPaths.delete(files.filter { $0.pathNumber != 0 }.map(\.path))
            samples.delete(
                knownSamples.forget { ended.contains($0.processID) }
                    .map { iotrace_sample_key(process_id: $0.processID, nr: $0.number, reserved: 0) })
            let keys = ended.flatMap { id in (snapshot.requests[id] ?? [:]).keys.map { $0.abi(processID: id) } }
            requests.delete(keys)
            requestOverflow.delete(keys)
            requestLatencies.delete(keys)
            rings.delete(
                ended.flatMap { id in
                    (snapshot.rings[id] ?? [:]).keys.map { iotrace_ring_key(process_id: id, ring: $0) }
                })
            processes.delete(Array(ended))
            for id in ended { knownProcesses.forget(id) }
        }
        forgetCopies(processes: ended, files: Set(gone), in: snapshot)
        files.delete(gone)
        for id in gone { knownFiles.forget(id) }
    }
}

extension SnapshotReader {
    /// Takes away what leads to a closed file, so that it is not opened again.
    private func retire(_ file: UInt64) {
        guard let known = knownFiles.note(of: file) else { return }
        closedPaths.delete(known.path) { (id: UInt64) in id == file }
        bindings.delete(known.binding) { (binding: iotrace_fd_binding) in
            binding.file == 0 && binding.file_id == file
        }
        openFiles.delete(known.openFile) { (id: UInt64) in id == file }
    }

    /// Files that were opened as one fd and then as another may have left the binding of the first.
    private func forgetEarlierBindings(of files: Set<UInt64>) {
        guard !files.isEmpty else { return }
        func isLeft(_ binding: iotrace_fd_binding) -> Bool { binding.file == 0 && files.contains(binding.file_id) }
        var left: [iotrace_fd_key] = []
        // What can't be read now stays, and takes its room, as long as the trace.
        try? bindings.forEach { key, value in
            if isLeft(value.loadUnaligned(as: iotrace_fd_binding.self)) {
                left.append(key.loadUnaligned(as: iotrace_fd_key.self))
            }
        }
        for key in left { bindings.delete(key, where: isLeft) }
    }

    /// What an ended thread moved is final, so one reading is all it takes.
    private func forgetCopies(processes ended: Set<UInt64>, files gone: Set<UInt64>, in snapshot: Snapshot) {
        for (process, threads) in snapshot.endedThreads {
            endedThreads.delete(
                threads.keys.map {
                    iotrace_thread_key(process_id: process, started_ns: $0.started, tid: $0.tid, reserved: 0)
                })
        }
        guard !ended.isEmpty || !gone.isEmpty else { return }
        for (process, rows) in snapshot.hidden {
            let keys = rows.keys.filter { ended.contains(process) || gone.contains($0.file) }.map {
                iotrace_hidden_key(process_id: process, file_id: $0.file, operation: $0.operation.code, code: $0.code)
            }
            hidden.delete(keys)
            hiddenOverflow.delete(keys)
        }
        for (process, rows) in snapshot.pairs {
            let keys = rows.keys.filter {
                ended.contains(process) || gone.contains($0.source) || gone.contains($0.sink)
            }.map { iotrace_pair_key(process_id: process, source: $0.source, sink: $0.sink) }
            pairs.delete(keys)
            pairOverflow.delete(keys)
        }
    }
}

extension Snapshot.CallKey {
    init(_ key: iotrace_call_key) { self.init(processID: key.process_id, number: key.nr, tid: key.tid) }
    var abi: iotrace_call_key { iotrace_call_key(process_id: processID, nr: number, tid: tid) }
}

extension CallFigures {
    init(_ counter: iotrace_call_counter) {
        self.init(
            count: counter.count, errors: counter.errors, bytes: counter.bytes, sleeps: UInt64(counter.sleeps),
            blocked: counter.blocked_ns, runQueue: counter.runqueue_ns)
    }
}

extension Totals {
    /// - Parameter bytes: an `iotrace_totals`.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init()
        copyCounters(from: bytes)
    }
}

extension RequestFigures.Key {
    /// Contexts of Linux AIO are addresses in the process, so two processes may have the same.
    private static func processBits(_ operation: UInt32, _ processID: UInt64) -> UInt64 {
        operation & Operation.aioFlag != 0 ? processID : 0
    }

    init(_ key: iotrace_request_key) {
        self.init(
            queue: key.queue ^ Self.processBits(key.operation, key.process_id),
            operation: Operation(code: key.operation))
    }

    func abi(processID: UInt64) -> iotrace_request_key {
        iotrace_request_key(
            process_id: processID, queue: queue ^ Self.processBits(operation.code, processID),
            operation: operation.code,
            reserved: 0)
    }
}

extension RequestFigures {
    init(_ counter: iotrace_request_counter) {
        self.init()
        withUnsafeBytes(of: counter) { copyCounters(from: $0) }
    }
}

extension LedgerFigures {
    init(_ ledger: iotrace_ledger) {
        self.init()
        withUnsafeBytes(of: ledger) { copyCounters(from: $0) }
    }

    /// - Parameter bytes: an `iotrace_ledger`.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init()
        copyCounters(from: bytes)
    }
}

extension UnsafeRawBufferPointer {
    /// The bytes of a field that is an array.
    func field<Root, Value>(_ path: KeyPath<Root, Value>, _ type: Root.Type) -> UnsafeRawBufferPointer {
        let start = MemoryLayout<Root>.offset(of: path)!
        return UnsafeRawBufferPointer(rebasing: self[start..<start + MemoryLayout<Value>.size])
    }
}

func decodeProcess(_ bytes: UnsafeRawBufferPointer) -> Snapshot.Process {
    let record = bytes.loadUnaligned(as: iotrace_process_record.self)
    let flags = Int32(bitPattern: record.flags)
    let comm = bytes.field(\iotrace_process_record.comm, iotrace_process_record.self).prefix { $0 != 0 }
    let text = bytes.field(\iotrace_process_record.command, iotrace_process_record.self)
        .prefix(Int(record.command_length))
    var process = Snapshot.Process(
        id: record.process_id, pid: record.pid, ppid: record.ppid, comm: decodeName(comm),
        command: flags & IOTRACE_PROCESS_COMMAND_UNKNOWN != 0 ? nil : splitArguments(text),
        commandTruncated: flags & IOTRACE_PROCESS_COMMAND_TRUNCATED != 0, cgroupID: record.cgroup_id,
        startedInWindow: flags & IOTRACE_PROCESS_STARTED != 0,
        exitedNanoseconds: flags & IOTRACE_PROCESS_EXITED != 0 ? record.exited_ns : nil, waitStatus: record.exit_code,
        threadsEnded: record.threads_ended,
        totals: Totals(bytes.field(\iotrace_process_record.totals, iotrace_process_record.self)))
    process.ledger = LedgerFigures(record.ledger)
    return process
}

/// Arguments as the kernel keeps them: each ends with a NUL; the last one may be cut.
public func splitArguments(_ bytes: some Sequence<UInt8>) -> [String] {
    var arguments = Array(bytes).split(separator: 0, omittingEmptySubsequences: false).map { decodeName($0) }
    if arguments.last == "" { arguments.removeLast() }
    return arguments
}

func decodeFile(_ bytes: UnsafeRawBufferPointer) -> Snapshot.File {
    let record = bytes.loadUnaligned(as: iotrace_file_record.self)
    let path = bytes.field(\iotrace_file_record.path, iotrace_file_record.self).prefix(Int(record.path_length))
    let socket = bytes.field(\iotrace_file_record.socket, iotrace_file_record.self)
    var identity = FileIdentity(
        fd: record.fds_differ != 0 ? -1 : record.fd, type: FileType(abi: record.type))
    identity.nonblocking = record.f_flags & UInt32(O_NONBLOCK) != 0
    identity.inEpoll = record.watched & UInt8(IOTRACE_WATCHED_EPOLL) != 0
    identity.epollEvents = record.epoll_events
    identity.device = MemoryDevice(rawValue: record.char_device) ?? .plain
    identity.zeroCopyOperation = record.zc_operation
    identity.zeroCopyReason = ZeroCopyReason(rawValue: record.zc_reason) ?? .untold
    if identity.type.isSocket {
        (identity.local, identity.peer) = decodeSocketNames(socket)
    } else {
        let components = path.split(separator: 0).map { decodeName($0) }
        switch identity.type {
        case .pipe: break
        case .anon:
            let name = components.first ?? ""
            identity.type = FileType(anonymousInode: name)
            identity.path = name.hasPrefix("[") ? name : "[\(name)]"
        default:
            if record.path_truncated != 0 {
                identity.path = "…/" + components.reversed().joined(separator: "/")
            } else {
                // A name on a file system that is mounted nowhere (memfd:) ends in that file system's root, "/".
                identity.path = "/" + components.filter { $0 != "/" }.reversed().joined(separator: "/")
            }
        }
    }
    var figures = FileFigures(
        identity: identity, operations: record.operations, bytesIn: record.bytes_in, bytesOut: record.bytes_out,
        blocked: record.blocked_ns, opens: UInt64(record.opens), ledger: LedgerFigures(record.ledger))
    figures.counters.again = record.again
    figures.counters.copyModels(from: bytes.field(\iotrace_file_record.models, iotrace_file_record.self))
    var file = Snapshot.File(
        id: record.file_id, processID: record.process_id, figures: figures, closed: record.closed != 0)
    file.pathNumber = record.path_number
    file.pairID = record.pair_id
    return file
}

extension FileType {
    /// The type as the probes have it; anonymous inodes are told apart by name.
    init(abi type: UInt8) {
        self =
            switch Int32(type) {
            case IOTRACE_FILE_REGULAR: .regular
            case IOTRACE_FILE_DIRECTORY: .directory
            case IOTRACE_FILE_BLOCK: .block
            case IOTRACE_FILE_CHAR: .char
            case IOTRACE_FILE_TTY: .tty
            case IOTRACE_FILE_PIPE: .pipe
            case IOTRACE_FILE_FIFO: .fifo
            case IOTRACE_FILE_ANON: .anon
            case IOTRACE_FILE_TCP: .tcp
            case IOTRACE_FILE_UDP: .udp
            case IOTRACE_FILE_UNIX_STREAM: .unixStream
            case IOTRACE_FILE_UNIX_DGRAM: .unixDgram
            case IOTRACE_FILE_UNIX_SEQPACKET: .unixSeqpacket
            case IOTRACE_FILE_NETLINK: .netlink
            case IOTRACE_FILE_PACKET: .packet
            case IOTRACE_FILE_SOCKET: .socket
            default: .unknown
            }
    }
}

func decodeSocketNames(_ bytes: UnsafeRawBufferPointer) -> (local: String?, peer: String?) {
    typealias Name = iotrace_socket_name
    let name = bytes.loadUnaligned(as: Name.self)
    switch Int32(name.family) {
    case AF_UNIX:
        return (
            decodeUnixName(bytes.field(\Name.local_path, Name.self).prefix(Int(name.local_length))),
            decodeUnixName(bytes.field(\Name.peer_path, Name.self).prefix(Int(name.peer_length)))
        )
    case AF_INET, AF_INET6:
        return (
            decodeAddress(bytes.field(\Name.local_address, Name.self), family: name.family, port: name.local_port),
            decodeAddress(bytes.field(\Name.peer_address, Name.self), family: name.family, port: name.peer_port)
        )
    default: return (nil, nil)
    }
}

/// nil when unnamed. An abstract name is shown with `@` in the place of its NUL, as ss(8) does.
func decodeUnixName(_ bytes: Slice<UnsafeRawBufferPointer>) -> String? {
    guard let first = bytes.first else { return nil }
    return first == 0 ? "@" + decodeName(bytes.dropFirst()) : decodeName(bytes.prefix { $0 != 0 })
}

/// `127.0.0.1:80`, `[::1]:80`; nil when neither address nor port is set.
func decodeAddress(_ bytes: UnsafeRawBufferPointer, family: UInt16, port: UInt16) -> String? {
    let length = Int32(family) == AF_INET ? 4 : 16
    if port == 0, bytes.prefix(length).allSatisfy({ $0 == 0 }) { return nil }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(Int32(family), bytes.baseAddress, &text, socklen_t(text.count)) != nil else { return nil }
    let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return Int32(family) == AF_INET ? "\(address):\(port)" : "[\(address)]:\(port)"
}

func decodeLatency(_ bytes: UnsafeRawBufferPointer) -> Latency {
    let record = bytes.loadUnaligned(as: iotrace_latency.self)
    var latency = Latency()
    latency.total = record.total_ns
    latency.onCPU = record.total_ns > record.off_cpu_ns ? record.total_ns - record.off_cpu_ns : 0
    latency.maximum = record.max_ns
    let buckets = bytes.field(\iotrace_latency.buckets, iotrace_latency.self)
    latency.buckets = LatencyBuckets(below: Latency.bucketCount) { index in
        let count = buckets.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
        latency.calls &+= count
        return count
    }
    return latency
}

private enum SampleLayout {
    static let totals = MemoryLayout<iotrace_thread_sample>.offset(of: \.header.totals)!
    static let ledger = MemoryLayout<iotrace_thread_sample>.offset(of: \.header.ledger)!
}

/// Lines and samples one after the other, each sample followed by its call and fd counters.
/// - Parameter bytes: aligned to 8 bytes, as all that is in them.
/// - Returns: how many bytes the threads took that are complete.
func decodeThreads(_ bytes: UnsafeRawBufferPointer, _ body: (Snapshot.ThreadReading) -> Void) -> Int {
    var at = 0
    func take<Value>(_ type: Value.Type) -> Value {
        defer { at += MemoryLayout<Value>.size }
        return bytes.loadUnaligned(fromByteOffset: at, as: type)
    }
    while bytes.count - at >= MemoryLayout<iotrace_thread_line>.size {
        let start = at
        let line = bytes.loadUnaligned(fromByteOffset: at, as: iotrace_thread_line.self)
        let flags = Int32(bitPattern: line.flags)
        if flags & IOTRACE_LINE_UNCHANGED != 0 {
            at += MemoryLayout<iotrace_thread_line>.size
            body(.asleep(tid: line.tid, at: line.now_ns))
            continue
        }
        guard bytes.count - at >= MemoryLayout<iotrace_thread_sample>.size else { return start }
        // By its address, since a sample is a kilobyte and most of it is not needed here.
        let sample = (bytes.baseAddress! + at).assumingMemoryBound(to: iotrace_thread_sample.self)
        func counters(at offset: Int) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: bytes[(start + offset)...])
        }
        at += MemoryLayout<iotrace_thread_sample>.size
        let rest =
            Int(sample.pointee.call_count) * MemoryLayout<iotrace_call_counter>.size
            + Int(sample.pointee.fd_count) * MemoryLayout<iotrace_fd_counter>.size
        guard bytes.count - at >= rest else { return start }
        var thread = Snapshot.Thread(
            processID: sample.pointee.header.process_id, tid: sample.pointee.header.tid,
            totals: Totals(counters(at: SampleLayout.totals)))
        thread.ledger = LedgerFigures(counters(at: SampleLayout.ledger))
        thread.started = sample.pointee.header.window_start_ns
        thread.readAt = line.now_ns
        if flags & IOTRACE_LINE_ASLEEP != 0, let cause = BlockingCause(rawValue: Int(sample.pointee.open_cause)) {
            thread.sleep = .init(cause: cause, isWait: flags & IOTRACE_LINE_SLEEP_WAIT != 0)
        }
        thread.calls.reserveCapacity(Int(sample.pointee.call_count))
        for _ in 0..<sample.pointee.call_count {
            let counter = take(iotrace_call_counter.self)
            thread.calls.append((counter.nr, CallFigures(counter)))
        }
        thread.fds.reserveCapacity(Int(sample.pointee.fd_count))
        for _ in 0..<sample.pointee.fd_count {
            let counter = take(iotrace_fd_counter.self)
            var fd = Snapshot.Thread.FDFigures(
                fileID: counter.file_id, operations: UInt64(counter.operations), bytesIn: counter.bytes_in,
                bytesOut: counter.bytes_out, blocked: counter.blocked_ns,
                nonblocking: counter.f_flags & UInt32(O_NONBLOCK) != 0,
                inEpoll: counter.watched & UInt8(IOTRACE_WATCHED_EPOLL) != 0)
            fd.again = UInt64(counter.again)
            fd.model = ModelSlot(rawValue: Int(counter.model)) ?? .none
            thread.fds.append(fd)
        }
        if Int32(bitPattern: sample.pointee.header.flags) & IOTRACE_THREAD_AIO_HELPER != 0 {
            thread.totals.posixAIOOperations = POSIXAIO.operations(of: thread.calls)
        }
        if sample.pointee.open_nr >= 0 {
            thread.openCall = .init(
                number: UInt32(sample.pointee.open_nr),
                fileID: sample.pointee.open_file_id == 0 ? nil : sample.pointee.open_file_id,
                blocked: sample.pointee.open_blocked_ns, runQueue: sample.pointee.open_runqueue_ns)
        }
        body(.changed(thread))
    }
    return at
}
