/// An operation as it is named in findings: a system call, an io_uring opcode, a Linux AIO command or a page fault.
public struct Operation: Hashable, Sendable {
    /// System call number, or a flag of `bpf/include/ledger.h` with an opcode.
    public var code: UInt32

    public init(code: UInt32) { self.code = code }

    public static let uringFlag: UInt32 = 0x4000_0000
    public static let aioFlag: UInt32 = 0x2000_0000
    public static let faultFlag: UInt32 = 0x1000_0000

    public var name: String {
        if code & SyscallNames.compatBit == 0 {
            if code & Self.uringFlag != 0 { return "io_uring \(Self.uringName(code & ~Self.uringFlag))" }
            if code & Self.aioFlag != 0 { return "aio \(Self.aioName(code & ~Self.aioFlag))" }
            if code & Self.faultFlag != 0 { return "page fault" }
        }
        return SyscallNames.name(of: code)
    }

    /// Opcodes without their prefix: include/uapi/linux/io_uring.h.
    public static func uringName(_ opcode: UInt32) -> String {
        Int(opcode) < uringNames.count ? uringNames[Int(opcode)] : "OP_\(opcode)"
    }

    private static let uringNames = """
        NOP READV WRITEV FSYNC READ_FIXED WRITE_FIXED POLL_ADD POLL_REMOVE SYNC_FILE_RANGE SENDMSG RECVMSG TIMEOUT \
        TIMEOUT_REMOVE ACCEPT ASYNC_CANCEL LINK_TIMEOUT CONNECT FALLOCATE OPENAT CLOSE FILES_UPDATE STATX READ WRITE \
        FADVISE MADVISE SEND RECV OPENAT2 EPOLL_CTL SPLICE PROVIDE_BUFFERS REMOVE_BUFFERS TEE SHUTDOWN RENAMEAT \
        UNLINKAT MKDIRAT SYMLINKAT LINKAT MSG_RING FSETXATTR SETXATTR FGETXATTR GETXATTR SOCKET URING_CMD SEND_ZC \
        SENDMSG_ZC READ_MULTISHOT WAITID FUTEX_WAIT FUTEX_WAKE FUTEX_WAITV FIXED_FD_INSTALL FTRUNCATE BIND LISTEN \
        RECV_ZC EPOLL_WAIT READV_FIXED WRITEV_FIXED PIPE
        """.split(separator: " ").map(String.init)

    /// Commands of Linux AIO without their prefix: include/uapi/linux/aio_abi.h.
    public static func aioName(_ command: UInt32) -> String {
        Int(command) < aioNames.count ? aioNames[Int(command)] : "CMD_\(command)"
    }

    private static let aioNames = ["PREAD", "PWRITE", "FSYNC", "FDSYNC", "PREADX", "POLL", "NOOP", "PREADV", "PWRITEV"]
}

/// Why an operation that was meant to avoid a copy was copied all the same.
public enum HiddenCopy: UInt32, CaseIterable, Sendable {
    case spliceSourceCopies = 1
    case spliceIntoFile
    case copyRangeWithoutReflink
    case zeroCopyNotEnabled
    case zeroCopyUnsupported
    case zeroCopyLoopback
    case zeroCopyNoScatterGather
    case zeroCopyCopied
    case fixedBufferCopied
    case directNotDirect
    case copyOnWrite
    case spliceSinkCopies

    /// The `code` in the document.
    public var key: String {
        switch self {
        case .spliceSourceCopies: "splice_source_copies"
        case .spliceIntoFile: "splice_into_file"
        case .copyRangeWithoutReflink: "copy_range_without_reflink"
        case .zeroCopyNotEnabled: "zerocopy_not_enabled"
        case .zeroCopyUnsupported: "zerocopy_unsupported"
        case .zeroCopyLoopback: "zerocopy_loopback"
        case .zeroCopyNoScatterGather: "zerocopy_no_scatter_gather"
        case .zeroCopyCopied: "zerocopy_copied"
        case .fixedBufferCopied: "fixed_buffer_copied"
        case .directNotDirect: "direct_not_direct"
        case .copyOnWrite: "copy_on_write"
        case .spliceSinkCopies: "splice_sink_copies"
        }
    }

    public var reason: String {
        switch self {
        case .spliceSourceCopies: "the source gives no page references: the kernel reads it into new pages"
        case .spliceIntoFile: "the destination is a file: the CPU copies the pages into its page cache"
        case .copyRangeWithoutReflink:
            "the file system does not share extents: the kernel copies through the page cache"
        case .zeroCopyNotEnabled: "the socket has no SO_ZEROCOPY, so MSG_ZEROCOPY was ignored"
        case .zeroCopyUnsupported: "this kind of socket knows no MSG_ZEROCOPY and ignored it"
        case .zeroCopyLoopback: "the receiver is on this host: a loopback device copies what was sent by reference"
        case .zeroCopyNoScatterGather: "the network device has no scatter/gather, so the kernel copied at once"
        case .zeroCopyCopied:
            "the kernel reports that it copied after all: the receiver or a packet tap is on this host, or the device cannot read the pages"
        case .fixedBufferCopied:
            "a registered buffer saves pinning the pages, not the copy from or to the page cache or socket"
        case .directNotDirect: "the file was opened with O_DIRECT, but its file system copied through memory"
        case .copyOnWrite: "a write to a private mapping copies the page first"
        case .spliceSinkCopies: "the sink does not take pages: its protocol or its driver copies them"
        }
    }

    public var advice: String {
        switch self {
        case .spliceSourceCopies: "read and write it, or serve a copy that lies in a regular file"
        case .spliceIntoFile: "use copy_file_range on a file system with reflink, or O_DIRECT"
        case .copyRangeWithoutReflink: "a file system with reflink (XFS, Btrfs) shares the extents instead"
        case .zeroCopyNotEnabled: "setsockopt(SO_ZEROCOPY) before sending"
        case .zeroCopyUnsupported: "send without the flag, or pass a memfd"
        case .zeroCopyLoopback: "measure against a peer on another host; on this one, send without the flag"
        case .zeroCopyNoScatterGather: "ethtool -k shows scatter-gather; switch it on or use another device"
        case .zeroCopyCopied: "take the receiver off this host, stop packet captures, or send without the flag"
        case .fixedBufferCopied: "O_DIRECT makes a file's transfer direct; SEND_ZC takes a socket's pages by reference"
        case .directNotDirect: "use a file system with direct I/O; tmpfs, for one, accepts the flag and copies"
        case .copyOnWrite: "map it shared or read-only, if the changes need not stay private"
        case .spliceSinkCopies: "read and write it: splicing saves nothing here"
        }
    }
}

/// Not a copy, but a reason why avoiding it may not pay.
public enum CopyHint: UInt32, CaseIterable, Sendable {
    case zeroCopySmall = 64

    public var key: String { "zerocopy_small" }
    public var reason: String { "sends below about 10 KB: pinning the pages costs more than copying them would" }
    public var advice: String { "send without the flag, or collect larger pieces" }
}

/// How much was copied for one reason by one kind of operation on one fd.
public struct HiddenFigures: Accumulating, Sendable, Equatable {
    public struct Key: Hashable, Sendable {
        /// 0: no fd, one that was not identified, or the probes' row for many; `others`: added up here.
        public var file: UInt64
        public var operation: Operation
        /// Raw value of `HiddenCopy` or `CopyHint`.
        public var code: UInt32

        public static let others = UInt64.max

        public init(file: UInt64, operation: Operation, code: UInt32) {
            self.file = file
            self.operation = operation
            self.code = code
        }
    }

    public var operations: UInt64
    public var bytes: UInt64

    public init(operations: UInt64 = 0, bytes: UInt64 = 0) {
        self.operations = operations
        self.bytes = bytes
    }

    public static func += (sum: inout HiddenFigures, part: HiddenFigures) {
        sum.operations &+= part.operations
        sum.bytes &+= part.bytes
    }

    public func since(_ earlier: HiddenFigures) -> HiddenFigures {
        HiddenFigures(
            operations: operations.since(earlier.operations), bytes: bytes.since(earlier.bytes))
    }

    public var isZero: Bool { operations == 0 && bytes == 0 }
}

/// One line of `copies.hidden` or `copies.hints`.
public struct CopyFinding: Sendable, Equatable {
    public var operation: String
    public var code: String
    public var operations: UInt64
    public var bytes: UInt64
    public var reason: String
    public var advice: String
}
