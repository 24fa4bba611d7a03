import Glibc
import Testing

@testable import ProbeLoader

/// Against the kernel that the tests run on.
@Suite(.enabled(if: access("/sys/kernel/btf/vmlinux", R_OK) == 0)) struct KernelTypesTests {
    @Test func tracepointsHaveTheArgumentsThatTheKernelGivesThem() throws {
        let types = try KernelTypes(functions: [])
        #expect(types.argumentCount(ofTracepoint: "sys_exit") == 2)
        #expect(types.argumentCount(ofTracepoint: "sched_switch") == 4)
        #expect(types.argumentCount(ofTracepoint: "sched_process_exec") == 3)
        #expect(!types.hasTracepoint("no_such_tracepoint"))
    }

    @Test func onlyFunctionsThatWereAskedForAreFound() throws {
        let types = try KernelTypes(functions: ["filp_close", "no_such_function"])
        #expect(types.hasFunction("filp_close"))
        #expect(!types.hasFunction("filp_open") && !types.hasFunction("no_such_function"))
    }
}
