/// The way of a process's payload as boxes and arrows: where bytes were, how they got from one place to the next, how many.
///
/// Made from the fds' ledgers and from the pairs of fds between which the kernel moved bytes. What went through user memory
/// shows as an arrow into the process and one out of it; they are put into one chain when each is (nearly) all there is.
public struct CopyFlow: Sendable, Equatable {
    /// Where bytes can be.
    public enum Place: String, Sendable, Hashable {
        case disk
        case pageCache = "page cache"
        case process
        case otherProcess = "other process"
        case tcp = "TCP socket"
        case udp = "UDP socket"
        case unix = "Unix socket"
        case socket
        case pipe
        case terminal
        case device
        case nowhere = "/dev/null"
        case other

        init(of file: FileIdentity) {
            self =
                switch file.type {
                case .regular, .directory, .block: .pageCache
                case .tcp: .tcp
                case .udp: .udp
                case .unixStream, .unixDgram, .unixSeqpacket: .unix
                case .netlink, .packet, .socket: .socket
                case .pipe, .fifo: .pipe
                case .tty: .terminal
                case .char: file.device == .null ? .nowhere : .device
                default: .other
                }
        }
    }

    public enum Way: String, Sendable {
        case dma = "DMA"
        case copied
        /// The CPU copied what was meant to move without it.
        case hiddenCopy = "copied!"
        case avoided
        /// Straight between a device and the user's pages.
        case direct
        case unresolved = "unresolved"
        /// Thrown away, or filled with zeros: no byte was moved.
        case nothing = "not moved"
        /// Dirtied, and written by the kernel later.
        case deferred
    }

    public struct Arrow: Sendable, Equatable {
        public var way: Way
        public var bytes: UInt64
        public var to: Place
    }

    public var from: Place
    public var arrows: [Arrow]

    /// The largest arrow: what the chain is ranked by.
    public var bytes: UInt64 { arrows.map(\.bytes).max() ?? 0 }
}

extension CopyFlow {
    /// The chains of a process, the largest first, without those below a hundredth of the largest.
    public static func flows(of process: ProcessFigures) -> [CopyFlow] {
        guard process.ledger != nil else { return [] }
        let devices = Devices(process)
        var flows = inKernel(process, devices) + throughUser(process, devices)
        flows.sort { ($1.bytes, $0.from.rawValue) < ($0.bytes, $1.from.rawValue) }
        let threshold = (flows.first?.bytes ?? 0) / 100
        return flows.filter { $0.bytes > threshold }
    }

    /// What devices did for files that were read and written.
    private struct Devices {
        var read: UInt64 = 0
        var written: UInt64 = 0
        var deferred: UInt64 = 0

        init(_ process: ProcessFigures) {
            for file in process.files.values where Place(of: file.identity) == .pageCache {
                let direct = DirectBytes(file)
                read &+= file.ledger.dmaIn.less(direct.bytesIn)
                written &+= file.ledger.dmaOut.less(direct.bytesOut)
            }
            deferred = process.dmaOutDeferred ?? 0
        }

        /// What comes before an arrow out of `place`.
        func before(_ place: Place) -> [Arrow] {
            place == .pageCache && read > 0 ? [.init(way: .dma, bytes: read, to: .pageCache)] : []
        }

        /// What comes after an arrow into `place`.
        func after(_ place: Place) -> [Arrow] {
            guard place == .pageCache else { return [] }
            return written > 0
                ? [.init(way: .dma, bytes: written, to: .disk)]
                : deferred > 0 ? [.init(way: .deferred, bytes: deferred, to: .disk)] : []
        }
    }

    private struct DirectBytes {
        var bytesIn: UInt64
        var bytesOut: UInt64

        init(_ file: FileFigures) {
            bytesIn = min(file.ledger.direct, file.ledger.inNotCopied)
            bytesOut = min(file.ledger.direct.less(bytesIn), file.ledger.outNotCopied)
        }
    }

    private struct Ends: Hashable {
        var source: Place
        var sink: Place
    }

    private static func inKernel(_ process: ProcessFigures, _ devices: Devices) -> [CopyFlow] {
        var sums: [Ends: PairFigures] = [:]
        for pair in process.pairs.values {
            guard let source = pair.source, let sink = pair.sink else { continue }
            sums[Ends(source: .init(of: source), sink: .init(of: sink)), default: PairFigures()] += pair
        }
        return sums.map { ends, pair in
            let way: Way =
                pair.kernelToKernel > 0 ? .hiddenCopy : pair.avoided > 0 ? .avoided : .unresolved
            let bytes = pair.kernelToKernel > 0 ? pair.kernelToKernel : pair.bytes
            let before = devices.before(ends.source)
            return CopyFlow(
                from: before.isEmpty ? ends.source : .disk,
                arrows: before + [.init(way: way, bytes: bytes, to: ends.sink)] + devices.after(ends.sink))
        }
    }

    /// Arrows from places into the process, or out of it.
    private struct Side {
        struct Key: Hashable {
            var place: Place
            var way: Way
        }
        var bytes: [Key: UInt64] = [:]

        mutating func add(_ place: Place, _ way: Way, _ count: UInt64) {
            if count > 0 { bytes[Key(place: place, way: way), default: 0] &+= count }
        }

        /// The one arrow that is nearly all of this side; nil when there is no such.
        var main: (key: Key, bytes: UInt64)? {
            let total = bytes.values.reduce(0, &+)
            guard let largest = bytes.max(by: { $0.value < $1.value }), largest.value >= total - total / 20 else {
                return nil
            }
            return (largest.key, largest.value)
        }
    }

    private static func throughUser(_ process: ProcessFigures, _ devices: Devices) -> [CopyFlow] {
        var into = Side()
        var out = Side()
        for (id, file) in process.files {
            let place = Place(of: file.identity)
            let copies = Copies(of: file)
            let direct = DirectBytes(file)
            // A hidden copy between user and kernel: an ignored MSG_ZEROCOPY, O_DIRECT on tmpfs, a fixed buffer.
            let hidden = process.hidden.filter {
                $0.key.file == id && HiddenCopy(rawValue: $0.key.code)?.isInUserCopy == true
            }
            .values.reduce(0) { $0 &+ $1.bytes }
            let hiddenOut = min(hidden, copies.userToKernel)
            let hiddenIn = min(hidden.less(hiddenOut), copies.kernelToUser)
            into.add(place, .copied, copies.kernelToUser.less(hiddenIn))
            into.add(place, .hiddenCopy, hiddenIn)
            into.add(.disk, .direct, direct.bytesIn)
            out.add(place, .copied, copies.userToKernel.less(hiddenOut))
            out.add(place, .hiddenCopy, hiddenOut)
            out.add(.disk, .direct, direct.bytesOut)
            if file.identity.device == .zero { into.add(place, .nothing, file.bytesIn) }
            if file.identity.device != .plain { out.add(place, .nothing, file.bytesOut) }
            let sends = ZeroCopySends(file.ledger)
            out.add(place, .avoided, sends.avoided)
            out.add(place, .hiddenCopy, sends.copied)
            out.add(place, .unresolved, sends.unresolved)
        }
        if let mapped = process.ledger?.mapped { into.add(.pageCache, .avoided, mapped) }
        let calls = CallBytes(process.calls)
        into.add(.otherProcess, .copied, calls.fromProcesses)
        out.add(.otherProcess, .copied, calls.toProcesses)
        return chains(into, out, devices)
    }

    private static func chains(_ into: Side, _ out: Side, _ devices: Devices) -> [CopyFlow] {
        if let source = into.main, let sink = out.main,
            max(source.bytes, sink.bytes) / 2 <= min(source.bytes, sink.bytes)
        {
            let before = source.key.way == .direct ? [] : devices.before(source.key.place)
            return [
                CopyFlow(
                    from: before.isEmpty ? source.key.place : .disk,
                    arrows: before + [
                        .init(way: source.key.way, bytes: source.bytes, to: .process),
                        .init(way: sink.key.way, bytes: sink.bytes, to: sink.key.place),
                    ] + (sink.key.way == .direct ? [] : devices.after(sink.key.place)))
            ]
        }
        let arriving = into.bytes.map { key, bytes in
            let before = key.way == .direct ? [] : devices.before(key.place)
            return CopyFlow(
                from: before.isEmpty ? key.place : .disk,
                arrows: before + [.init(way: key.way, bytes: bytes, to: .process)])
        }
        let leaving = out.bytes.map { key, bytes in
            CopyFlow(
                from: .process,
                arrows: [.init(way: key.way, bytes: bytes, to: key.place)]
                    + (key.way == .direct ? [] : devices.after(key.place)))
        }
        return arriving + leaving
    }
}

extension HiddenCopy {
    /// The copy is one between user and kernel, not one inside the kernel.
    var isInUserCopy: Bool {
        switch self {
        case .zeroCopyNotEnabled, .zeroCopyUnsupported, .fixedBufferCopied, .directNotDirect: true
        default: false
        }
    }
}
