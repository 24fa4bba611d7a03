internal import CLibbpf
internal import CLinuxShims
internal import Glibc

/// The sampling probe on every CPU: a perf event of the CPU clock, some hundred times a second. Releasing it ends it.
struct CPUSampling: ~Copyable {
    private var links: [BPFLink] = []

    /// - Parameter frequency: samples a second on each CPU.
    init(_ object: BPFObject, frequency: UInt64) throws(ProbeError) {
        for cpu in 0..<Int32(sysconf(Int32(_SC_NPROCESSORS_CONF))) {
            let fd = open_cpu_clock(cpu, frequency)
            if fd == -ENODEV { continue }  // the CPU is offline
            guard fd >= 0 else {
                throw ProbeError(
                    "opening the CPU clock of CPU \(cpu)", errorNumber: -fd,
                    advice: [EPERM, EACCES].contains(-fd)
                        ? "needs CAP_PERFMON, or kernel.perf_event_paranoid below 1" : nil)
            }
            links.append(try object.attach("take_sample", toPerfEvent: fd))
        }
    }
}
