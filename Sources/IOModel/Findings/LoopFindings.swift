/// What an event loop's thread should not do: everything that it watches waits meanwhile.
extension Finding {
    static func syncInEventLoop(_ process: ProcessFigures) -> Finding? {
        let syncs = process.calls(named: ["fsync", "fdatasync", "sync_file_range"])
        guard syncs.count > 0, syncs.blocked >= millisecond else { return nil }
        return Finding(
            code: "sync_in_event_loop",
            message:
                "\(Words.count(syncs.count)) fsync calls slept \(Words.time(syncs.blocked)) in a process with an event loop",
            advice:
                "if it is the loop's own thread, all its connections wait meanwhile: sync in another thread, or with io_uring"
        )
    }

    /// Sleeps on fds that nobody watches, in a process that otherwise waits in a multiplexer.
    static func sleepInEventLoop(_ process: ProcessFigures) -> Finding? {
        var asleep: UInt64 = 0
        var worst: FileFigures?
        for file in process.files.values
        where file.operations(of: .blocking) > 0 && file.identity.canSleepForLong {
            asleep &+= file.blocked
            if file.blocked > worst?.blocked ?? 0 { worst = file }
        }
        guard let worst, asleep > process.totals.observed / 100, asleep >= 10 * millisecond else { return nil }
        return Finding(
            code: "blocking_call_in_event_loop",
            message: """
                blocking calls on fds that no multiplexer watches slept \(Words.time(asleep)), most on \(worst.identity.name), \
                in a process with an event loop
                """,
            advice: "if it is the loop's own thread, watch the fd too, or give the call to another thread")
    }
}

extension FileFigures {
    func operations(of slot: ModelSlot) -> UInt64 {
        slot.rawValue < models.count ? models[slot.rawValue].operations : 0
    }
}

extension FileIdentity {
    /// A call on it can sleep until somebody else does something.
    fileprivate var canSleepForLong: Bool { type.isSocket || type == .pipe || type == .fifo || type == .tty }
}
