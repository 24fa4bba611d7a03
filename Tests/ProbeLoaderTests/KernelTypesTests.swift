import CLibbpf
import Glibc
import Testing

@testable import ProbeLoader

/// Against the kernel that the tests run on.
@Suite(.enabled(if: access("/sys/kernel/btf/vmlinux", R_OK) == 0)) struct KernelTypesTests {
    @Test func tracepointsHaveTheArgumentsThatTheKernelGivesThem() throws {
        let hooks = try KernelTypes(functions: []).hooks
        #expect(hooks.argumentCount(ofTracepoint: "sys_exit") == 2)
        #expect(hooks.argumentCount(ofTracepoint: "sched_switch") == 4)
        #expect(hooks.argumentCount(ofTracepoint: "sched_process_exec") == 3)
        #expect(!hooks.hasTracepoint("no_such_tracepoint"))
    }

    @Test func idsAreThoseThatLibbpfFinds() throws {
        let hooks = try KernelTypes(functions: ["bpf_iter_task"]).hooks
        let kernel = try #require(btf__load_vmlinux_btf())
        defer { btf__free(kernel) }
        for name in ["sys_exit", "sched_switch", "net_dev_start_xmit"] {
            #expect(
                hooks.id(ofTracepoint: name).map(Int32.init)
                    == btf__find_by_name_kind(kernel, "btf_trace_\(name)", BTFKind.typedef))
        }
        #expect(
            hooks.id(ofFunction: "bpf_iter_task").map(Int32.init)
                == btf__find_by_name_kind(kernel, "bpf_iter_task", BTFKind.function))
    }

    @Test func onlyFunctionsThatWereAskedForAreFound() throws {
        let hooks = try KernelTypes(functions: ["filp_close", "no_such_function"]).hooks
        #expect(hooks.hasFunction("filp_close"))
        #expect(!hooks.hasFunction("filp_open") && !hooks.hasFunction("no_such_function"))
    }
}
