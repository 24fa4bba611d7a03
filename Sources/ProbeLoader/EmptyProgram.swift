internal import CLibbpf
internal import Glibc

/// A BPF program that does nothing, for what the kernel's accounting of run time says of it: a part of its own two reads of
/// the clock, which is in the time of every other program as well. include/linux/filter.h: __bpf_prog_run()
struct EmptyProgram: ~Copyable {
    private static let runs: Int32 = 1_000
    private let fd: Int32

    /// Nil where the kernel refuses it.
    init?() {
        var instructions = [bpf_insn(), bpf_insn()]
        instructions[0].code = UInt8(BPF_ALU64 | BPF_MOV | BPF_K)
        instructions[1].code = UInt8(BPF_JMP | BPF_EXIT)
        fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "empty", "GPL", &instructions, instructions.count, nil)
        guard fd >= 0 else { return nil }
    }

    deinit { close(fd) }

    /// Nanoseconds per run while the accounting is on, over a thousand runs; nil where it is not, or where programs can't be run.
    func accounted() -> Double? {
        var packet = [UInt8](repeating: 0, count: 64)
        let failed = packet.withUnsafeMutableBytes { packet in
            var options = bpf_test_run_opts()
            options.sz = MemoryLayout<bpf_test_run_opts>.size
            options.data_in = UnsafeRawPointer(packet.baseAddress)
            options.data_size_in = UInt32(packet.count)
            options.repeat = Self.runs
            return bpf_prog_test_run_opts(fd, &options)
        }
        guard failed == 0, let ran = programInformation(fd), ran.run_cnt > 0 else { return nil }
        return Double(ran.run_time_ns) / Double(ran.run_cnt)
    }
}

func programInformation(_ fd: Int32) -> bpf_prog_info? {
    var information = bpf_prog_info()
    var size = UInt32(MemoryLayout<bpf_prog_info>.size)
    return bpf_obj_get_info_by_fd(fd, &information, &size) == 0 ? information : nil
}
