import Glibc
import ProbeLoader

/// A place to write bytes to: a standard stream or a file.
struct Output {
    let fd: Int32
    let name: String

    static let standardOutput = Output(fd: 1, name: "standard output")
    static let standardError = Output(fd: 2, name: "standard error")

    private init(fd: Int32, name: String) {
        self.fd = fd
        self.name = name
    }

    /// Opens a file for writing and empties it.
    init(path: String) throws {
        let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard fd >= 0 else {
            throw CommandFailure("opening \(visible(path)) for writing: \(ProbeError.name(of: errno))")
        }
        self.init(fd: fd, name: visible(path))
    }

    /// Opens a file for writing at its end.
    init(appendingTo path: String) throws {
        let fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard fd >= 0 else {
            throw CommandFailure("opening \(visible(path)) for writing: \(ProbeError.name(of: errno))")
        }
        self.init(fd: fd, name: visible(path))
    }

    func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(fd, bytes.baseAddress! + written, bytes.count - written)
            if count >= 0 {
                written += count
            } else if errno == EPIPE {  // the reader has seen enough
                throw CommandFailure(nil, status: 128 + SIGPIPE)
            } else if errno == EAGAIN {
                var poller = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
                poll(&poller, 1, -1)
            } else if errno != EINTR {
                throw CommandFailure("writing \(name): \(ProbeError.name(of: errno))")
            }
        }
    }

    /// An error message: one line or a few, never a raw control character in what it quotes.
    static func complain(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { visible(String($0)) }
        try? standardError.write(Array((lines.joined(separator: "\n") + "\n").utf8))
    }

    /// Columns of the terminal behind this output; $COLUMNS, or 80 when it is none.
    var columns: Int {
        if let columns = getenv("COLUMNS").flatMap({ Int(String(cString: $0)) }), columns > 0 { return columns }
        var size = winsize()
        return ioctl(fd, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    var isTerminal: Bool { isatty(fd) == 1 }
}

/// A name from outside, safe to show in a message.
func visible(_ name: String) -> String {
    name.unicodeScalars.map { scalar in
        scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
            ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }.joined()
}
