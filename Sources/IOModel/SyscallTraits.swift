/// What a system call does with its file descriptors, and where its bytes are counted.
///
/// Source: the man page of each call. The probes act on these by number (`bpf/syscalls.bpf.c`).
public enum CallKind: UInt8, Sendable {
    case none, read, write, recvmmsg, sendmmsg, sendfile, splice, copyRange, tee, vmsplice, vmRead, vmWrite, fdWait,
        wait
    case getEvents, accept, address, sync, fd, mmap, epollCtl, open, pipe, socketpair, close, dup, fcntl, submit
}

/// What a sleep in a call waits for: always the same thing, or a thing that the type of the call's fd decides.
public enum WaitRule: Sendable, Equatable {
    case cause(BlockingCause)
    case fdIn
    case fdOut
}

public struct SyscallTrait: Sendable, Equatable {
    public var kind: CallKind
    public var wait: WaitRule
    /// The dynamic loader makes this call before `main`.
    public var loader = false
    /// Which argument, from 0, holds MSG_ flags.
    public var messageFlags: MessageFlags?
    /// Which argument, from 0, holds SPLICE_F_ or RWF_ flags.
    public var waitFlags: WaitFlags?

    public enum MessageFlags: Sendable { case third, fourth }
    public enum WaitFlags: Sendable { case fourth, sixth }

    public init(kind: CallKind, wait: WaitRule, loader: Bool = false) {
        self.kind = kind
        self.wait = wait
        self.loader = loader
    }

    /// The trait of a call by its x86-64 number; calls that are not listed do no I/O and sleep for other reasons.
    public static func of(_ number: UInt32) -> SyscallTrait {
        table[number] ?? SyscallTrait(kind: .none, wait: .cause(.other))
    }

    private static let groups: [(CallKind, WaitRule, String)] = [
        (.read, .fdIn, "read pread64 readv preadv preadv2 recvfrom recvmsg"),
        (.write, .fdOut, "write pwrite64 writev pwritev pwritev2 sendto sendmsg"),
        (.recvmmsg, .fdIn, "recvmmsg"),
        (.sendmmsg, .fdOut, "sendmmsg"),
        (.sendfile, .fdOut, "sendfile"),
        (.splice, .fdOut, "splice"),
        (.copyRange, .fdOut, "copy_file_range"),
        (.tee, .fdOut, "tee"),
        (.vmsplice, .fdOut, "vmsplice"),
        (.vmRead, .cause(.other), "process_vm_readv"),
        (.vmWrite, .cause(.other), "process_vm_writev"),
        (.fdWait, .cause(.multiplexer), "epoll_wait epoll_pwait epoll_pwait2"),
        (.wait, .cause(.multiplexer), "poll ppoll select pselect6"),
        (.fd, .cause(.asyncWait), "io_uring_enter"),
        (.getEvents, .cause(.asyncWait), "io_getevents io_pgetevents"),
        (.submit, .cause(.asyncWait), "io_submit"),
        (.accept, .cause(.accept), "accept accept4"),
        (.address, .cause(.connect), "connect"),
        (.address, .cause(.other), "bind listen"),
        (.sync, .fdOut, "fsync fdatasync sync_file_range"),
        (.fd, .fdIn, "getdents getdents64 lseek fstat readahead fadvise64"),
        (.fd, .fdOut, "ftruncate fallocate"),
        (.fd, .cause(.lock), "flock"),
        (.fd, .cause(.other), "ioctl shutdown getsockopt setsockopt"),
        (
            .open, .cause(.disk),
            "open openat openat2 creat"
        ),
        (
            .open, .cause(.other),
            """
            socket epoll_create epoll_create1 eventfd eventfd2 timerfd_create signalfd signalfd4 inotify_init \
            inotify_init1 memfd_create userfaultfd io_uring_setup perf_event_open fanotify_init pidfd_open pidfd_getfd \
            memfd_secret
            """
        ),
        (.pipe, .cause(.other), "pipe pipe2"),
        (.socketpair, .cause(.other), "socketpair"),
        (.mmap, .cause(.disk), "mmap"),
        (.epollCtl, .cause(.other), "epoll_ctl"),
        (.close, .cause(.other), "close"),
        (.dup, .cause(.other), "dup dup2 dup3"),
        (.fcntl, .cause(.lock), "fcntl"),
        (
            .none, .cause(.disk),
            """
            stat lstat newfstatat statx access faccessat faccessat2 mkdir mkdirat rmdir unlink unlinkat rename renameat \
            renameat2 link linkat symlink symlinkat readlink readlinkat truncate msync sync syncfs munmap mremap \
            madvise mlock chdir execve execveat getxattr setxattr
            """
        ),
        (.none, .cause(.lock), "futex futex_wait futex_waitv semop semtimedop"),
        (.none, .cause(.sleep), "nanosleep clock_nanosleep restart_syscall"),
        (.none, .cause(.child), "wait4 waitid vfork clone clone3 fork"),
    ]

    private static let messageFlagNames: [(MessageFlags, String)] = [
        (.third, "sendmsg recvmsg"), (.fourth, "sendto recvfrom sendmmsg recvmmsg"),
    ]

    private static let waitFlagNames: [(WaitFlags, String)] = [
        (.fourth, "tee vmsplice"), (.sixth, "splice preadv2 pwritev2"),
    ]

    private static let loaderCalls = Set(
        """
        brk access openat open read pread64 newfstatat fstat stat mmap mprotect munmap close arch_prctl set_tid_address \
        set_robust_list rseq prlimit64 getrandom lseek execve readlink uname statx futex
        """.split(separator: " ").map(String.init))

    private static let table: [UInt32: SyscallTrait] = {
        var table: [UInt32: SyscallTrait] = [:]
        for (kind, wait, names) in groups {
            for name in names.split(separator: " ") {
                guard let number = SyscallNames.number(of: String(name)) else { continue }
                table[number] = SyscallTrait(kind: kind, wait: wait)
            }
        }
        for (which, names) in waitFlagNames {
            for name in names.split(separator: " ") {
                guard let number = SyscallNames.number(of: String(name)) else { continue }
                table[number]?.waitFlags = which
            }
        }
        for (which, names) in messageFlagNames {
            for name in names.split(separator: " ") {
                guard let number = SyscallNames.number(of: String(name)) else { continue }
                table[number]?.messageFlags = which
            }
        }
        for name in loaderCalls {
            guard let number = SyscallNames.number(of: name) else { continue }
            table[number, default: SyscallTrait(kind: .none, wait: .cause(.other))].loader = true
        }
        return table
    }()
}
