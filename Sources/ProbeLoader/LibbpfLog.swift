internal import CLibbpf
internal import CLinuxShims
internal import Glibc
internal import Synchronization

/// libbpf's messages, kept for the error that they explain instead of going to standard error.
///
/// libbpf has one logger for the whole process (libbpf_set_print), so this is set once and is the only global state.
enum LibbpfLog {
    /// Of each thread that is capturing.
    private static let lines = Mutex<[pthread_t: [String]]>([:])
    private static let installed: Void = {
        libbpf_set_print { level, format, arguments in
            // It says what it does all the time, which costs milliseconds to format; what goes wrong is a warning.
            guard level == LIBBPF_WARN, let format, let arguments else { return 0 }
            var buffer = [CChar](repeating: 0, count: 4096)
            let length = format_message(&buffer, buffer.count, format, arguments)
            let text = String(
                decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            lines.withLock { $0[pthread_self()]?.append(text) }
            return length
        }
    }()

    /// Runs `body` and returns what libbpf said meanwhile on this thread.
    static func capturing<Result>(_ body: () -> Result) -> (Result, [String]) {
        _ = installed
        lines.withLock { $0[pthread_self()] = [] }
        let result = body()
        return (result, lines.withLock { $0.removeValue(forKey: pthread_self()) ?? [] })
    }
}
