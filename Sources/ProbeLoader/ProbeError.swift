import Glibc

/// Something that the kernel or libbpf refused: what was tried, why, and what would mend it.
public struct ProbeError: Error, CustomStringConvertible, Sendable {
    public var attempted: String
    /// Positive errno, or 0 when there is none.
    public var errorNumber: Int32
    public var advice: String

    public init(_ attempted: String, errorNumber: Int32, advice: String? = nil) {
        self.attempted = attempted
        self.errorNumber = errorNumber
        self.advice = advice ?? Self.advice(for: errorNumber)
    }

    public var description: String {
        let reason = errorNumber == 0 ? "" : ": \(Self.name(of: errorNumber))"
        return advice.isEmpty ? "\(attempted)\(reason)" : "\(attempted)\(reason) — \(advice)"
    }

    /// `EPERM (Operation not permitted)`.
    public static func name(of errorNumber: Int32) -> String {
        let text = String(cString: strerror(errorNumber))
        let names: [Int32: String] = [
            EPERM: "EPERM", ENOENT: "ENOENT", ESRCH: "ESRCH", EINTR: "EINTR", EIO: "EIO", E2BIG: "E2BIG",
            EBADF: "EBADF", EAGAIN: "EAGAIN", ENOMEM: "ENOMEM", EACCES: "EACCES", EBUSY: "EBUSY", EEXIST: "EEXIST",
            EINVAL: "EINVAL", EMFILE: "EMFILE", ENOSPC: "ENOSPC", EPIPE: "EPIPE", ENOSYS: "ENOSYS", EISDIR: "EISDIR",
            ENOTDIR: "ENOTDIR", EOPNOTSUPP: "EOPNOTSUPP", kernelNotSupported: "ENOTSUPP",
        ]
        return names[errorNumber].map { "\($0) (\(text))" } ?? "errno \(errorNumber) (\(text))"
    }

    /// The kernel's internal ENOTSUPP (include/linux/errno.h), which the C library has no name for.
    private static let kernelNotSupported: Int32 = 524

    private static func advice(for errorNumber: Int32) -> String {
        switch errorNumber {
        case EPERM, EACCES:
            "needs CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN; run as root"
        case ENOMEM: "the kernel could not allocate the maps; free memory or raise the memory cgroup's limit"
        case EMFILE: "raise the limit of open files (ulimit -n)"
        default: ""
        }
    }
}
