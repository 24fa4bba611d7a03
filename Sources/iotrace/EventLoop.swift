import CLinuxShims
import Glibc
import ProbeLoader

/// One epoll loop over signals, timers and processes.
final class EventLoop {
    private let epoll: Int32
    private var handlers: [Int32: () throws -> Void] = [:]
    private var stopped = false
    private var timers: Set<Int32> = []

    init() throws {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw CommandFailure("creating the event loop: \(ProbeError.name(of: errno))") }
    }

    deinit {
        close(epoll)
        for fd in timers { close(fd) }
    }

    /// Calls `handler` whenever `fd` is readable.
    func watch(_ fd: Int32, _ handler: @escaping () throws -> Void) throws {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.fd = fd
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 else {
            throw CommandFailure("watching an event: \(ProbeError.name(of: errno))")
        }
        handlers[fd] = handler
    }

    func unwatch(_ fd: Int32) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nil)
        handlers[fd] = nil
    }

    /// Calls `handler` after `seconds`, and every `seconds` again if `repeats`.
    func timer(_ seconds: Double, repeats: Bool, _ handler: @escaping () throws -> Void) throws {
        let fd = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC))
        guard fd >= 0 else { throw CommandFailure("creating a timer: \(ProbeError.name(of: errno))") }
        let whole = seconds.rounded(.down)
        let time = timespec(tv_sec: Int(whole), tv_nsec: max(1, min(999_999_999, Int((seconds - whole) * 1e9))))
        var setting = itimerspec(it_interval: repeats ? time : timespec(), it_value: time)
        timerfd_settime(fd, 0, &setting, nil)
        timers.insert(fd)
        try watch(fd) { [unowned self] in
            var expirations: UInt64 = 0
            _ = read(fd, &expirations, 8)
            if !repeats {
                unwatch(fd)
                timers.remove(fd)
                close(fd)
            }
            try handler()
        }
    }

    func stop() { stopped = true }

    func run() throws {
        while !stopped {
            var event = epoll_event()
            let count = epoll_wait(epoll, &event, 1, -1)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw CommandFailure("waiting for events: \(ProbeError.name(of: errno))") }
            try handlers[event.data.fd]?()
        }
    }
}

/// A signal that reached iotrace.
struct ReceivedSignal {
    var number: Int32
    /// The terminal sent it, so the command in the same foreground process group has got it too.
    var fromTerminal: Bool
}

/// Signals as events. They are blocked before any thread starts; the command gets them unblocked.
final class SignalSource {
    let fd: Int32
    static let watched: [Int32] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2]

    init() throws {
        fd = take_signals(Self.watched, Self.watched.count)
        guard fd >= 0 else { throw CommandFailure("taking signals: \(ProbeError.name(of: -fd))") }
    }

    deinit { close(fd) }

    func next() -> ReceivedSignal? {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard read(fd, &information, size) == size else { return nil }
        let kernel: Int32 = 0x80  // SI_KERNEL
        return ReceivedSignal(number: Int32(information.ssi_signo), fromTerminal: information.ssi_code == kernel)
    }
}
