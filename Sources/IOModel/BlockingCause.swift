/// What a blocked thread waited for. The probes decide it by the system call, the type of its fd and the task's state: a
/// sleep that the kernel accounts as I/O wait is `disk` whatever the call; a sleep outside any call is a page fault.
///
/// Run-queue time is not blocked time and has no cause here.
public enum BlockingCause: Int, CaseIterable, Sendable {
    case disk
    case socketRecv
    case socketSend
    case accept
    case connect
    case pipe
    case lock
    case multiplexer
    case asyncWait
    case sleep
    case child
    case pageFault
    case other

    /// The key in `time.blocked_by_cause`.
    public var key: String {
        switch self {
        case .socketRecv: "socket_recv"
        case .socketSend: "socket_send"
        case .asyncWait: "async_wait"
        case .pageFault: "page_fault"
        default: "\(self)"
        }
    }
}
