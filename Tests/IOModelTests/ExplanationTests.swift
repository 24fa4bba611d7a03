import Testing

@testable import IOModel

/// The chain from counts to verdict, in words.
@Suite struct ExplanationTests {
    static let server = Literals.process {
        $0.files[1] = Literals.file(Literals.socket, [.epoll: 600, .nonblocking: 83], again: 83)
        $0.files[2] = Literals.file(
            FileIdentity(fd: 7, type: .regular, path: "/var/log/x"), [.blocking: 2], bytes: 10)
        $0.files[3] = Literals.file(FileIdentity(fd: 5, type: .pipe), [.none: 4])
        $0.calls[Literals.call("epoll_wait")] = CallFigures(count: 310, errors: 9, sleeps: 290, blocked: 12_000_000)
        $0.totals.startupOperations = 3
        $0.totals.startupBytesIn = 900
    }

    static func steps(_ subject: ExplainSubject, of process: ProcessFigures = server) -> [String] {
        Explanation(of: process, subject: subject).steps.map { String(repeating: "  ", count: $0.level) + $0.text }
    }

    @Test func aTagIsExplainedFromItsFdsAndWaitsUp() {
        #expect(
            Self.steps(.model("multiplexed")) == [
                "multiplexed: a tag. 901 of 986 operations that may decide (91.4%) and 60,000 of 68,320 bytes (87.8%); 1% of either makes one.",
                "  epoll: 600 operations on fds in an epoll set; 301 epoll_wait calls, 0.50 for each operation. 91.4% of the operations, 60,000 bytes (87.8%).",
                "    rule: an epoll set watched the open file (file->f_ep), and the process waits in epoll — docs/models/epoll.md",
                "    fd 5 tcp: 600 operations, 60,000 bytes; O_NONBLOCK",
                "    waits: epoll_wait returned 301 times, and failed 9 times (not counted); asleep 12.00 ms in 290 of them",
                "    together: 600 on fds + 301 waits = 901 operations",
            ])
    }

    @Test func whatIsNoTagSaysWhatItWouldTake() {
        #expect(
            Self.steps(.model("blocking")).first
                == "blocking: no tag. 2 of 986 operations that may decide (0.2%) and 20 of 68,320 bytes (<0.1%); it takes 1% of either."
        )
        #expect(
            Self.steps(.model("async")) == [
                "async: no tag. No operation fell under its rules (docs/models/signal-driven.md, docs/models/io-uring.md, docs/models/libaio.md)."
            ])
    }

    @Test func everyRowAndWhatIsLeftOutAreInTheWhole() {
        let steps = Self.steps(.all)
        for start in [
            "blocking: no tag.", "nonblocking: a tag.", "multiplexed: a tag.", "async, zero-copy: no tag.",
            "Left out: 3 operations of the dynamic loader, 900 bytes", "Phases: 12.00 ms waiting, – moving",
        ] {
            #expect(steps.contains { $0.hasPrefix(start) }, "\(start)")
        }
        #expect(!steps.contains { $0.hasPrefix("The process has no tag") })
    }

    @Test func eachFileThatHadTheNumberIsExplained() {
        let steps = Self.steps(.fd(5))
        #expect(
            steps == [
                "fd 5 tcp (file 1 of 2 that had this number): 683 operations, 0 bytes in, 0 bytes out; asleep 0 ns",
                "  when last seen: O_NONBLOCK set, in an epoll set",
                "  nonblocking: 83 operations that could not sleep, on fds that no multiplexer watched; EAGAIN at most 83 times; 8,300 bytes.",
                "    rule: O_NONBLOCK, or a flag of the call, kept it from sleeping, and nobody watched the fd — docs/models/nonblocking.md",
                "    83 of the process's 83 operations under this rule; nonblocking is a tag of it",
                "  multiplexed (epoll): 600 operations on fds in an epoll set; 60,000 bytes.",
                "    rule: an epoll set watched the open file (file->f_ep), and the process waits in epoll — docs/models/epoll.md",
                "    600 of the process's 901 operations under this rule; multiplexed is a tag of it",
                "  83 of the operations found nothing (EAGAIN)",
                "fd 5 pipe (file 2 of 2 that had this number): 4 operations, 0 bytes in, 0 bytes out; asleep 0 ns",
                "  when last seen: no O_NONBLOCK, in no epoll set",
                "  no model: 4 operations: waits on it, addresses (connect, bind, listen), or the loader's",
            ])
        #expect(Self.steps(.fd(99)).count == 1)
    }

    @Test func fdsBeyondAFewAreAddedUp() {
        let process = Literals.process {
            for id in 1...20 {
                $0.files[UInt64(id)] = Literals.file(
                    FileIdentity(fd: Int32(id), type: .pipe), [.blocking: UInt64(id)], bytes: 2)
            }
        }
        let named = Self.steps(.model("blocking"), of: process).filter { $0.hasPrefix("    fd ") }
        #expect(named.count == 8 && named.first == "    fd 20 pipe: 20 operations, 40 bytes")
        #expect(Self.steps(.model("blocking"), of: process).last == "    12 more fds: 78 operations, 156 bytes")
    }

    @Test(arguments: [
        ("all", ExplainSubject.all), ("zero-copy", .model("zero-copy")), ("fd:0", .fd(0)), ("fd:2147483647", .fd(.max)),
    ])
    func subjectsAreReadAsWritten(text: String, subject: ExplainSubject) {
        #expect(ExplainSubject(text) == subject)
    }

    @Test(arguments: ["", "ALL", "epoll", "fd:", "fd:-1", "fd:x", "fd:2147483648", "fd", "blocking "])
    func nothingElseIsASubject(text: String) { #expect(ExplainSubject(text) == nil) }

    /// Figures of a foreign recording may be anything.
    @Test func extremeFiguresDoNotTrap() {
        let process = Literals.process {
            var file = FileFigures(identity: Literals.socket)
            file.models = [ModelFigures](repeating: ModelFigures(operations: .max, bytes: .max), count: 14)
            (file.again, file.operations, file.blocked) = (.max, .max, .max)
            $0.files = [1: file, 2: file]
            $0.calls[Literals.call("epoll_wait")] = CallFigures(count: .max, errors: .max, blocked: .max)
            $0.ledger!.mapped = .max
            $0.ledger!.avoided = .max
        }
        for subject in [.all, .fd(5), .model("zero-copy"), .model("multiplexed")] as [ExplainSubject] {
            _ = Explanation(of: process, subject: subject)
        }
        _ = Finding.all(in: process)
    }
}
