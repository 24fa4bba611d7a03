/// POSIX AIO as glibc does it: threads of its own that call `pread` and `pwrite` for the program, and so are `blocking`.
/// They are told by their signal mask, which blocks everything, and by their small stacks (`bpf/threads.bpf.h`): a hint, not
/// a proof. Other C libraries' threads are not.
public enum POSIXAIO {
    private static let numbers = Set(
        ["read", "write", "pread64", "pwrite64", "fsync", "fdatasync"].compactMap(SyscallNames.number(of:)))

    /// Operations among the calls of such a thread.
    public static func operations(of calls: some Sequence<(key: UInt32, value: CallFigures)>) -> UInt64 {
        calls.reduce(0) { numbers.contains($1.key) ? $0 &+ $1.value.count.less($1.value.errors) : $0 }
    }
}
