internal import CLibbpf
internal import CProbeABI
internal import Glibc
internal import Synchronization

/// Programs whose loading needs ids of the kernel's types: of the tracepoint that they are for, of functions that they call.
///
/// For each object that has one libbpf would copy and index all of the kernel's types, and search them once for each
/// program and each function. The ids are known already (`KernelHooks`), so libbpf is told of another kind of program,
/// one that has nothing to do with types, until it calls back right before it loads one.
///
/// libbpf has one list of such handlers for the whole process (libbpf_register_prog_handler), so they are set once.
enum TracingPrograms {
    /// Of each thread that is loading.
    private static let hooks = Mutex<[pthread_t: KernelHooks]>([:])

    /// Functions of the kernel whose ids are needed.
    static let functions: Set = [iterator, readOnlyCast]
    private static let iterator = "bpf_iter_task"
    private static let readOnlyCast = "bpf_rdonly_cast"

    /// To be called before an image is opened.
    static func register() { _ = registered }

    private static let registered: Void = {
        register("tp_btf+", BPF_PROG_TYPE_RAW_TRACEPOINT) { program, options, _ in prepare(program, options) }
        register("iter/task", BPF_PROG_TYPE_RAW_TRACEPOINT) { program, options, _ in prepare(program, options) }
        register("perf_event", BPF_PROG_TYPE_PERF_EVENT) { program, _, _ in bindFunctions(of: program) }
    }()

    private static func register(
        _ section: String, _ type: bpf_prog_type, _ prepare: @escaping libbpf_prog_prepare_load_fn_t
    ) {
        var options = libbpf_prog_handler_opts()
        options.sz = MemoryLayout<libbpf_prog_handler_opts>.size
        options.prog_prepare_load_fn = prepare
        libbpf_register_prog_handler(section, type, bpf_attach_type(rawValue: 0), &options)
    }

    /// Runs `load`, which loads programs on this thread.
    static func withHooks<Result>(_ found: KernelHooks, _ load: () -> Result) -> Result {
        hooks.withLock { $0[pthread_self()] = found }
        defer { hooks.withLock { _ = $0.removeValue(forKey: pthread_self()) } }
        return load()
    }

    private static var hooksOfThisThread: KernelHooks? { hooks.withLock { $0[pthread_self()] } }

    /// - Returns: 0 or an errno below zero.
    private static func prepare(_ program: OpaquePointer?, _ options: UnsafeMutablePointer<bpf_prog_load_opts>?)
        -> Int32
    {
        guard let found = hooksOfThisThread, let options else { return -EINVAL }
        let section = String(cString: bpf_program__section_name(program))
        let isIterator = section.hasPrefix("iter/")
        guard
            let id = isIterator
                ? found.id(ofFunction: iterator)
                : found.id(ofTracepoint: String(section.dropFirst("tp_btf/".utf8.count)))
        else { return -ESRCH }
        options.pointee.attach_btf_id = UInt32(id)
        options.pointee.expected_attach_type = isIterator ? BPF_TRACE_ITER : BPF_TRACE_RAW_TP
        let failed = bindFunctions(of: program)
        return failed == 0 ? bpf_program__set_type(program, BPF_PROG_TYPE_TRACING) : failed
    }

    /// Makes calls of `IOTRACE_CALL_RDONLY_CAST` what they stand for. Where the kernel has no such function, no call is reached.
    /// - Returns: 0 or an errno below zero.
    private static func bindFunctions(of program: OpaquePointer?) -> Int32 {
        guard let function = hooksOfThisThread?.id(ofFunction: readOnlyCast) else { return 0 }
        var instructions = Array(
            UnsafeBufferPointer(start: bpf_program__insns(program), count: bpf_program__insn_cnt(program)))
        for index in instructions.indices {
            let instruction = instructions[index]
            guard instruction.code == BPF_JMP | BPF_CALL, instruction.src_reg == 0,
                instruction.imm == IOTRACE_CALL_RDONLY_CAST
            else { continue }
            instructions[index].src_reg = UInt8(BPF_PSEUDO_KFUNC_CALL)
            instructions[index].imm = Int32(function)
        }
        return bpf_program__set_insns(program, &instructions, instructions.count)
    }
}
