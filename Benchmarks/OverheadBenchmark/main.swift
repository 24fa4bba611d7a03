// Attaches the anchor of the overhead benchmark: an empty program at the entry and one at the exit of every system call of the
// machine (bpf/empty_pair.bpf.c). Benchmarks/tools.py runs it as one mode among the others.
//
// It says "ready" when both are attached, and detaches them by ending, which it does when its standard input closes.

internal import CLibbpf
internal import Glibc
internal import ProbeImages

let usage = "usage: overhead-benchmark attach-empty\n"

guard CommandLine.arguments.dropFirst() == ["attach-empty"] else {
    write(all: usage, to: STDERR_FILENO)
    exit(2)
}
do {
    let pair = try EmptyPair.attached()
    write(all: "ready\n", to: STDOUT_FILENO)
    waitForEndOfInput()
    _ = consume pair
} catch {
    write(all: "overhead-benchmark: \(error)\n", to: STDERR_FILENO)
    exit(1)
}

/// What was tried, and what the kernel or libbpf said to it.
struct Failure: Error, CustomStringConvertible {
    var attempted: String
    /// Positive errno.
    var errorNumber: Int32

    var description: String {
        let refused = errorNumber == EPERM || errorNumber == EACCES
        let advice = refused ? " — needs CAP_BPF and CAP_PERFMON; run as root" : ""
        return "\(attempted): errno \(errorNumber) (\(String(cString: strerror(errorNumber))))\(advice)"
    }
}

/// The attached pair. Releasing it detaches both programs.
struct EmptyPair: ~Copyable {
    private static let programs = ["empty_enter", "empty_exit"]

    private let object: OpaquePointer
    private var links: [OpaquePointer] = []

    /// Only opened: nothing is loaded or attached yet.
    private init() throws(Failure) {
        libbpf_set_print(nil)
        let image = ProbeImage.emptyPair
        let opened = image.bytes.withUnsafeBytes { bpf_object__open_mem($0.baseAddress, $0.count, nil) }
        guard let opened else { throw Failure(attempted: "opening the probe image \(image.name)", errorNumber: errno) }
        object = opened
    }

    static func attached() throws(Failure) -> EmptyPair {
        var pair = try EmptyPair()
        let refused = -bpf_object__load(pair.object)
        guard refused == 0 else { throw Failure(attempted: "loading the empty pair", errorNumber: refused) }
        for name in programs {
            guard let program = bpf_object__find_program_by_name(pair.object, name) else {
                throw Failure(attempted: "finding probe \(name)", errorNumber: errno)
            }
            guard let link = bpf_program__attach(program) else {
                throw Failure(attempted: "attaching probe \(name)", errorNumber: errno)
            }
            pair.links.append(link)
        }
        return pair
    }

    deinit {
        for link in links { bpf_link__destroy(link) }
        bpf_object__close(object)
    }
}

func waitForEndOfInput() {
    var byte: UInt8 = 0
    while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count == 0 || count < 0 && errno != EINTR { return }
    }
}

func write(all text: String, to fd: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
        if count < 0 {
            if errno == EINTR { continue }
            return
        }
        rest = rest.dropFirst(count)
    }
}
