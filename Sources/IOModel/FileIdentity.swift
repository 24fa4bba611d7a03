/// What an fd leads to. The names are the `files[].type` of the report document.
public enum FileType: String, Sendable, CaseIterable {
    case regular, directory, block, char, tcp, udp
    case unixStream = "unix_stream"
    case unixDgram = "unix_dgram"
    case unixSeqpacket = "unix_seqpacket"
    case netlink, packet, socket, pipe, fifo, eventfd, epoll, timerfd, signalfd, inotify
    case ioUring = "io_uring"
    case tty, anon, unknown

    /// The type of an anonymous inode, by the name that the kernel gives its file (fs/eventfd.c, fs/eventpoll.c, …).
    public init(anonymousInode name: String) {
        switch name {
        case "[eventfd]": self = .eventfd
        case "[eventpoll]": self = .epoll
        case "[timerfd]": self = .timerfd
        case "[signalfd]": self = .signalfd
        case "inotify", "[inotify]": self = .inotify
        case "[io_uring]": self = .ioUring
        default: self = .anon
        }
    }

    public var isSocket: Bool {
        switch self {
        case .tcp, .udp, .unixStream, .unixDgram, .unixSeqpacket, .netlink, .packet, .socket: true
        default: false
        }
    }
}

/// Character devices that move no payload (drivers/char/mem.c).
public enum MemoryDevice: UInt8, Sendable {
    case plain
    /// /dev/null: throws away what is written.
    case null
    /// /dev/zero and /dev/full: fill what is read with zeros.
    case zero
}

/// Why sends by reference were copied, as far as the device they went to tells.
public enum ZeroCopyReason: UInt8, Sendable {
    case untold
    case loopback
    case noScatterGather

    var hiddenCopy: HiddenCopy {
        switch self {
        case .untold: .zeroCopyCopied
        case .loopback: .zeroCopyLoopback
        case .noScatterGather: .zeroCopyNoScatterGather
        }
    }
}

/// One open fd of a process, from its first sight to its close. A number that is reused is another identity.
public struct FileIdentity: Sendable, Equatable {
    public var fd: Int32
    public var type: FileType
    /// Path of a file in the initial mount namespace, name of an anonymous inode; nil for sockets and pipes.
    public var path: String?
    /// `address:port`, `[v6]:port`, a unix path or `@abstract`; nil when unbound or unnamed.
    public var local: String?
    public var peer: String?
    /// O_NONBLOCK, when last seen.
    public var nonblocking: Bool
    /// Watched by an epoll set, when last seen.
    public var inEpoll: Bool
    public var device = MemoryDevice.plain
    /// The code of the `Operation` that last sent without copying; 0 when none did.
    public var zeroCopyOperation: UInt32 = 0
    public var zeroCopyReason = ZeroCopyReason.untold
    /// EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE of its last registration that was seen; 0 when none was.
    public var epollEvents: UInt32 = 0

    public init(
        fd: Int32, type: FileType, path: String? = nil, local: String? = nil, peer: String? = nil,
        nonblocking: Bool = false, inEpoll: Bool = false
    ) {
        self.fd = fd
        self.type = type
        self.path = path
        self.local = local
        self.peer = peer
        self.nonblocking = nonblocking
        self.inEpoll = inEpoll
    }

    /// What a person calls it.
    public var name: String {
        if let path { return path }
        switch (local, peer) {
        case (let local?, let peer?): return "\(local) → \(peer)"
        case (let local?, nil): return local
        case (nil, let peer?): return "→ \(peer)"
        case (nil, nil): return type.rawValue
        }
    }
}
