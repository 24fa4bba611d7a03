import Glibc
import IOModel
import Policy
import ProbeLoader

/// Reads a policy, and says of errors which file they are in.
enum PolicyFile {
    static func claims(_ path: String) throws -> [Claim] {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else {
            throw CommandFailure("reading the policy \(visible(path)): \(ProbeError.name(of: errno))")
        }
        defer { close(fd) }
        // A byte more than may be there: the file may be endless.
        var bytes = [UInt8](repeating: 0, count: Policy.maximumBytes + 1)
        var length = 0
        while length < bytes.count {
            let count = bytes[length...].withUnsafeMutableBytes { read(fd, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw CommandFailure("reading the policy \(visible(path)): \(ProbeError.name(of: errno))")
            }
            if count == 0 { break }
            length += count
        }
        do { return try Policy.claims(from: Array(bytes[..<length])) } catch {
            let place = error.line.map { "\(visible(path)):\($0)" } ?? visible(path)
            throw CommandFailure("\(place): \(error.message)")
        }
    }
}
