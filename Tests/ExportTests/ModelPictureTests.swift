import IOModel
import JSON
import Testing

@testable import Export

@Suite struct ModelPictureTests {
    static let load = ModelExpectation.Load(messages: 16, bytes: 8192, gaps: 80_000_000)

    static func trial(
        _ name: String, slot: ModelSlot, operations: UInt64, again: UInt64 = 0,
        _ calls: [String: (count: UInt64, errors: UInt64, blocked: UInt64, onCPU: UInt64)]
    ) -> ModelTrial {
        var process = ProcessFigures(identity: ProcessIdentity(id: 1, pid: 1, ppid: 0, comm: "x"))
        var file = FileFigures(identity: FileIdentity(fd: 5, type: .unixStream))
        file.models[slot.rawValue] = ModelFigures(operations: operations, bytes: 8192)
        (file.operations, file.again) = (operations, again)
        process.files[1] = file
        (process.totals.againTimed, process.totals.againOnCPU) = (again, again * 61_000)
        process.totals.onCPU = calls.values.reduce(0) { $0 + $1.onCPU }
        for (name, call) in calls {
            let number = SyscallNames.number(of: name)!
            process.calls[number] = CallFigures(count: call.count, errors: call.errors, blocked: call.blocked)
            var latency = Latency()
            (latency.calls, latency.onCPU) = (call.count, call.onCPU)
            process.latencies[number] = latency
        }
        let measured = ModelMeasurement(process: process, nanoseconds: 81_600_000, losses: 0)
        return ModelTrial(
            name: name, title: name, program: ModelProgram.named(name)!, load: load,
            outcome: .judged(measured, ModelExpectation.of(name, under: load)!))
    }

    static let trials = [
        trial("blocking", slot: .blocking, operations: 16, ["read": (16, 0, 81_500_000, 64_000)]),
        trial(
            "nonblocking", slot: .nonblocking, operations: 1016, again: 1000,
            ["read": (1016, 1000, 0, 61_200_000)]),
        trial(
            "epoll", slot: .epoll, operations: 16,
            ["read": (16, 0, 0, 32_000), "epoll_wait": (16, 0, 81_400_000, 60_000)]),
        trial("select", slot: .blocking, operations: 16, ["read": (16, 0, 81_500_000, 64_000)]),
        ModelTrial(
            name: "io_uring", title: "io_uring", program: ModelProgram.named("io_uring")!,
            outcome: .notRun("needs io_uring, which is forbidden here")),
    ]

    static func rendered(width: Int) -> [String] {
        let bytes = ModelPicture(trials, tool: Tool(kernel: "6.18"), width: width, color: false).rendered()
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
    }

    @Test func everyProgramHasALineWithItsVerdict() {
        let text = Self.rendered(width: 80).joined(separator: "\n")
        let marked = Self.rendered(width: 80).map { $0.split(separator: " ").prefix(2) }
        for line in [["✓", "blocking"], ["✗", "select"], ["–", "io_uring"]] {
            #expect(marked.contains { $0.elementsEqual(line) { $0 == $1 } })
        }
        #expect(text.contains("nonblocking (busy-polling)"))
        #expect(text.contains("select: tags: blocking, expected multiplexed"))
        #expect(text.contains("io_uring: not run: needs io_uring, which is forbidden here"))
        #expect(text.contains("3 as expected · 1 different · 1 not run"))
    }

    @Test func theModelsStandSideBySide() throws {
        let lines = Self.rendered(width: 80)
        let start = try #require(lines.firstIndex { $0.hasPrefix("the models side by side") })
        // The program that stands for its model, and not the first; a model that was not run has no column.
        #expect(lines[start + 2].split(separator: " ") == ["blocking", "nonblocking", "multiplexed"])
        #expect(lines[start + 3].split(separator: " ") == ["blocking", "nonblocking", "epoll"])
        let wait = try #require(lines.firstIndex { $0.hasPrefix("wait") })
        let bars = lines[wait].split(separator: " ").dropFirst()
        #expect(bars.map { Set($0) } == [["█"], ["▒", "·"], ["█"]])
        #expect(bars.dropFirst().first?.filter { $0 == "▒" }.count == 14)  // three quarters of 18
        let text = lines[wait...].joined(separator: "\n")
        #expect(
            text.contains("5.10 ms") && text.contains("1000 EAGAIN") && text.contains("4.00 µs in")
                && text.contains("12.5 µs in"))
        let blocked = try #require(lines.last { $0.hasPrefix("blocked") })
        #expect(blocked.split(separator: " ") == ["blocked", "99.9%", "0%", "99.8%"])
        let cpu = try #require(lines.last { $0.hasPrefix("CPU used") })
        #expect(cpu.split(separator: " ") == ["CPU", "used", "<0.1%", "75.0%", "0.1%"])
    }

    @Test func noLineIsWiderThanTheTerminal() {
        for width in [40, 60, 80, 100, 200] {
            for line in Self.rendered(width: width) { #expect(DisplayWidth.of(line) <= width, "\(width): \(line)") }
        }
    }

    @Test func whatWasNotTimedIsDrawnAsUnknown() {
        let caller = CallerTime(whole: 100, asleep: 50, busy: nil, runQueue: 0)
        #expect(CallerBar.of(caller, columns: 10) == HumanUnits.unknown)
        let known = CallerTime(whole: 100, asleep: 50, busy: 20, runQueue: 10)
        #expect(CallerBar.of(known, columns: 10) == "█████▒▒-··")
    }

    @Test func theDocumentHasTheVerdictsAndTheirReasons() {
        let bytes = ModelLabDocument(Self.trials, tool: Tool(kernel: "6.18")).rendered()
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("\"schema\": \"iotrace.lab.models/1\""))
        for verdict in ["as_expected", "different", "not_run"] { #expect(text.contains("\"verdict\": \"\(verdict)\"")) }
    }
}
