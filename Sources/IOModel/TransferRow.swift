/// What a way of moving bytes should cost, and what it did: one row of `iotrace lab transfers`.
///
/// The expectations are the truth table of each technique, in bytes for N bytes moved. Sources: the man page of each call
/// and docs/copy-ledger.md; on Linux 6.1, 6.12 and 6.18 hardware breakpoints on the copy routines agreed.
public struct TransferExpectation: Sendable, Equatable {
    public var userToKernel: UInt64 = 0
    public var kernelToUser: UInt64 = 0
    public var kernelToKernel: UInt64 = 0
    public var userToUser: UInt64 = 0
    public var avoided: UInt64 = 0
    public var unresolved: UInt64 = 0
    public var payload: UInt64
    public var dmaIn: DeviceBytes = .exactly(0)
    /// By the process's own threads.
    public var dmaOut: DeviceBytes = .exactly(0)
    /// Written by the process's threads and left to the kernel's, together at least so much.
    public var dirtied: UInt64 = 0
    /// Codes of hidden copies, with their bytes.
    public var hidden: [String: UInt64] = [:]
    /// System calls of the transfer.
    public var calls: Calls

    /// Devices move whole blocks, and a file's metadata besides.
    public enum DeviceBytes: Sendable, Equatable {
        case exactly(UInt64)
        case atLeast(UInt64)

        func admits(_ bytes: UInt64) -> Bool {
            switch self {
            case .exactly(let wanted): bytes == wanted
            case .atLeast(let wanted): bytes >= wanted
            }
        }
    }

    public enum Calls: Sendable, Equatable {
        case exactly(UInt64)
        /// The rest depends on how fast the other side is.
        case atLeast(UInt64)

        func admits(_ calls: UInt64) -> Bool {
            switch self {
            case .exactly(let wanted): calls == wanted
            case .atLeast(let wanted): calls >= wanted
            }
        }
    }

    public init(payload: UInt64, calls: Calls) {
        self.payload = payload
        self.calls = calls
    }

    public var copied: UInt64 { userToKernel &+ kernelToUser &+ kernelToKernel &+ userToUser }

    /// Claims a copy where there is none, and none where there is one: what a check that works must refuse.
    public var contradicted: TransferExpectation {
        var lie = self
        if copied > 0 {
            lie.avoided = avoided &+ copied
            (lie.userToKernel, lie.kernelToUser, lie.kernelToKernel, lie.userToUser) = (0, 0, 0, 0)
            lie.hidden = [:]
        } else {
            lie.kernelToKernel = payload
            lie.avoided = 0
        }
        return lie
    }
}

extension TransferExpectation {
    /// What the file system and the kernel decide.
    public struct Circumstances: Sendable {
        /// copy_file_range may share extents.
        public var mayReflink: Bool
        public init(mayReflink: Bool) { self.mayReflink = mayReflink }
    }

    static let mebibyte: UInt64 = 1 << 20
    private static let makesFile: Set<String> = [
        "read-write-file", "write-fsync", "sendfile-file", "splice-file", "copy-file-range",
    ]

    /// - Parameters:
    ///   - name: of a row of the lab.
    ///   - bytes: that it moves.
    /// - Returns: nil when there is no such row, or when nothing can be expected.
    public static func of(_ name: String, bytes n: UInt64, in circumstances: Circumstances) -> TransferExpectation? {
        /// Pieces of a transfer with a buffer of `size` bytes.
        func pieces(_ size: UInt64) -> UInt64 { (n + size - 1) / size }
        let chunks = pieces(1 << 16)
        var row = TransferExpectation(payload: n, calls: .exactly(0))
        func copyTwice(calls: UInt64) {
            (row.kernelToUser, row.userToKernel) = (n, n)
            row.calls = .exactly(calls)
        }
        func hide(_ reason: HiddenCopy) { row.hidden[reason.key] = n }
        switch name {
        case "read-write", "pread-write", "preadv-writev", "unix-stream", "read-pipe", "read-write-file":
            copyTwice(calls: 2 * chunks)
        case "read-write-4k": copyTwice(calls: 2 * pieces(4096))
        case "read-write-1m": copyTwice(calls: 2 * pieces(mebibyte))
        case "read-write-cold":
            copyTwice(calls: 2 * chunks)
            row.dmaIn = .exactly(n)
        case "write-fsync":
            copyTwice(calls: 2 * chunks + 1)
            row.dirtied = n  // a kernel thread may have been faster with some of it
        case "mmap-write", "mmap-write-cold":
            row.userToKernel = n
            row.calls = .exactly(chunks + 1)
            if name == "mmap-write-cold" { row.dmaIn = .exactly(n) }
        case "sendfile", "sendfile-cold":
            row.avoided = n
            row.calls = .atLeast(1)
            if name == "sendfile-cold" { row.dmaIn = .exactly(n) }
        case "sendfile-direct":
            row.avoided = n
            row.dmaIn = .exactly(n)
            row.calls = .atLeast(1)
        case "sendfile-proc", "sendfile-zero":
            row.kernelToKernel = n
            row.calls = .atLeast(1)
            hide(.spliceSourceCopies)
        case "splice":
            row.avoided = 2 * n
            row.calls = .atLeast(2 * pieces(mebibyte))
        case "vmsplice":
            row.avoided = 2 * n
            row.payload = 2 * n  // out of user memory, and out to the socket
            row.calls = .atLeast(2 * pieces(mebibyte))
        case "tee":
            row.avoided = 4 * n
            row.payload = 3 * n  // to the second pipe, to the socket, to /dev/null
            row.calls = .atLeast(4 * pieces(mebibyte))
        case "msg-zerocopy", "msg-zerocopy-unread":
            row.kernelToKernel = n
            row.calls = name == "msg-zerocopy" ? .atLeast(chunks + 2) : .exactly(chunks)
            hide(.zeroCopyLoopback)
        case "msg-zerocopy-veth":
            row.kernelToKernel = n
            row.calls = .atLeast(chunks + 2)
            hide(.zeroCopyCopied)
        case "msg-zerocopy-unset":
            row.userToKernel = n
            row.calls = .exactly(chunks)
            hide(.zeroCopyNotEnabled)
        case "uring-read-send", "uring-read-fixed-send":
            copyTwice(calls: 2 * chunks)
            if name == "uring-read-fixed-send" { hide(.fixedBufferCopied) }
        case "uring-send-zc":
            row.kernelToKernel = n
            row.calls = .atLeast(chunks)
            hide(.zeroCopyLoopback)
        case "recv-trunc": row.calls = .atLeast(chunks)
        case "process-vm-readv":
            row.userToUser = n
            row.calls = .exactly(chunks)
        case "sendfile-file":
            row.kernelToKernel = n
            row.calls = .atLeast(1)
            hide(.spliceIntoFile)
        case "splice-file":
            row.avoided = n
            row.kernelToKernel = n
            row.calls = .atLeast(2 * pieces(mebibyte))
            hide(.spliceIntoFile)
        case "copy-file-range":
            guard !circumstances.mayReflink else { return nil }
            row.kernelToKernel = n
            row.calls = .atLeast(1)
            hide(.copyRangeWithoutReflink)
        case "direct-file", "aio-direct", "uring-fixed-direct":
            row.avoided = 2 * n
            row.dmaIn = .atLeast(n)  // to find room for a new file, its file system may read some of its tables
            row.dmaOut = .atLeast(n)
            // io_uring_enter may return before the device is done, when other work of the task wakes it; then it is called again.
            row.calls =
                name == "uring-fixed-direct"
                ? .atLeast(2 * pieces(mebibyte)) : .exactly((name == "aio-direct" ? 4 : 2) * pieces(mebibyte))
        case "direct-unaligned":
            copyTwice(calls: 2 * chunks + 3)
            row.dmaIn = .atLeast(0)  // the refused read is in the kernel's own accounting
        case "direct-tmpfs":
            row.kernelToUser = n
            row.calls = .exactly(2 * pieces(mebibyte))
            hide(.directNotDirect)
        default: return nil
        }
        // To find room for a new file, its file system may read some of its tables.
        if makesFile.contains(name), row.dmaIn == .exactly(0) { row.dmaIn = .atLeast(0) }
        return row
    }
}

/// What was measured of a transfer.
public struct TransferMeasurement: Sendable, Equatable {
    public var copies: Copies
    public var hidden: [String: UInt64]
    public var calls: UInt64
    public var userFaults: UInt64
    public var mapped: UInt64?
    public var dmaOutDeferred: UInt64?
    /// By the worker's own clock.
    public var nanoseconds: UInt64
    public var onCPU: UInt64
    /// Every counter of losses together.
    public var losses: UInt64

    public var modeSwitches: UInt64 { 2 &* (calls &+ userFaults) }

    private static let clockGettime: UInt32 = 228

    /// - Parameters:
    ///   - process: a worker's figures, from its wait for the start to its wait for the end.
    ///   - answer: bytes of its answer, which are not part of the transfer; nor is the one byte that started it.
    public init?(process: ProcessFigures, answer: UInt64, nanoseconds: UInt64, losses: UInt64) {
        guard var copies = Copies(of: process) else { return nil }
        copies.kernelToUser = copies.kernelToUser.less(1)
        copies.payloadIn = copies.payloadIn.less(1)
        copies.userToKernel = copies.userToKernel.less(answer)
        copies.payloadOut = copies.payloadOut.less(answer)
        self.copies = copies
        hidden = Dictionary(process.hiddenCopies().map { ($0.code, $0.bytes) }, uniquingKeysWith: &+)
        // No transfer asks a clock; the worker does, and where that is not in the vDSO (HPET, ACPI PM) it is a call.
        calls = process.callCount.less(2).less(process.calls[Self.clockGettime]?.count ?? 0)
        userFaults = process.totals.userFaults
        mapped = process.ledger?.mapped
        dmaOutDeferred = process.dmaOutDeferred
        self.nanoseconds = nanoseconds
        onCPU = process.totals.onCPU
        self.losses = losses
    }
}

/// A row that was run, or the reason why not.
public struct TransferResult: Sendable, Equatable {
    public enum Outcome: Sendable, Equatable {
        /// This machine cannot run it, and why.
        case notRun(String)
        /// It was tried, and failed: what the worker said.
        case failed(String)
        /// Nothing is expected here, and why.
        case notJudged(TransferMeasurement, String)
        case judged(TransferMeasurement, TransferExpectation)
    }

    public var name: String
    public var title: String
    public var bytes: UInt64
    public var outcome: Outcome

    public init(name: String, title: String, bytes: UInt64, outcome: Outcome) {
        self.name = name
        self.title = title
        self.bytes = bytes
        self.outcome = outcome
    }

    public var measurement: TransferMeasurement? {
        switch outcome {
        case .notRun, .failed: nil
        case .notJudged(let measurement, _), .judged(let measurement, _): measurement
        }
    }

    /// In what it differs from the expectation, in words. Empty when it does not, or is not judged.
    public var differences: [String] {
        if case .failed(let what) = outcome { return ["failed: \(what)"] }
        guard case .judged(let measured, let expected) = outcome else { return [] }
        var differences: [String] = []
        func compare(_ what: String, _ measured: UInt64, _ expected: UInt64) {
            if measured != expected { differences.append("\(what): \(measured) bytes, expected \(expected)") }
        }
        let copies = measured.copies
        compare("user to kernel", copies.userToKernel, expected.userToKernel)
        compare("kernel to user", copies.kernelToUser, expected.kernelToUser)
        compare("kernel to kernel", copies.kernelToKernel, expected.kernelToKernel)
        compare("user to user", copies.userToUser, expected.userToUser)
        compare("avoided", copies.avoided, expected.avoided)
        compare("unresolved", copies.unresolved, expected.unresolved)
        compare("payload", copies.payload, expected.payload)
        for code in Set(measured.hidden.keys).union(expected.hidden.keys).sorted() {
            compare("hidden copy \(code)", measured.hidden[code] ?? 0, expected.hidden[code] ?? 0)
        }
        if !expected.dmaIn.admits(copies.dmaIn) {
            differences.append("read by devices: \(copies.dmaIn) bytes, expected \(expected.dmaIn.words)")
        }
        let written = copies.dmaOut &+ (measured.dmaOutDeferred ?? 0)
        if written < expected.dirtied {
            differences.append(
                "written by devices, now or later: \(written) bytes, expected at least \(expected.dirtied)")
        }
        if expected.dirtied == 0, !expected.dmaOut.admits(copies.dmaOut) {
            differences.append("written by devices: \(copies.dmaOut) bytes, expected \(expected.dmaOut.words)")
        }
        if !expected.calls.admits(measured.calls) {
            differences.append("system calls: \(measured.calls), expected \(expected.calls.words)")
        }
        if measured.losses > 0 { differences.append("\(measured.losses) losses while tracing") }
        return differences
    }
}

extension TransferExpectation.DeviceBytes {
    public var words: String {
        switch self {
        case .exactly(let bytes): "\(bytes)"
        case .atLeast(let bytes): "at least \(bytes)"
        }
    }
}

extension TransferExpectation.Calls {
    public var words: String {
        switch self {
        case .exactly(let calls): "\(calls)"
        case .atLeast(let calls): "at least \(calls)"
        }
    }
}
