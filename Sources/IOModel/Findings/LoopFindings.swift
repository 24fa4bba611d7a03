/// What a thread that runs an event loop should not do: everything that it watches waits meanwhile. The probes count sleeps
/// of such threads apart (`bpf/loops.bpf.h`), so what other threads do is in none of these.
extension Finding {
    static func syncInEventLoop(_ process: ProcessFigures) -> Finding? {
        let totals = process.totals
        guard totals.loopSync >= millisecond else { return nil }
        return Finding(
            code: "sync_in_event_loop",
            message: """
                \(Words.plural(totals.loopSyncCalls, "fsync call")) slept \(Words.time(totals.loopSync)) in a thread that runs \
                an event loop
                """,
            advice: "all that the loop watches waits meanwhile: sync in another thread, or with io_uring")
    }

    static func fileInEventLoop(_ process: ProcessFigures) -> Finding? {
        let totals = process.totals
        guard totals.loopFile >= 10 * millisecond else { return nil }
        return Finding(
            code: "file_io_in_event_loop",
            message: """
                \(Words.plural(totals.loopFileCalls, "read or write", "reads and writes")) of files slept \
                \(Words.time(totals.loopFile)) in a thread that runs an event loop
                """,
            advice: "a multiplexer cannot tell when a file is ready: read in other threads, or with io_uring")
    }

    static func sleepInEventLoop(_ process: ProcessFigures) -> Finding? {
        let totals = process.totals
        guard totals.loopBlocking >= 10 * millisecond, totals.loopBlocking > totals.observed / 100 else { return nil }
        return Finding(
            code: "blocking_call_in_event_loop",
            message: """
                \(Words.plural(totals.loopBlockingCalls, "call")) on blocking fds that nobody watches slept \
                \(Words.time(totals.loopBlocking)) in a thread that runs an event loop\(worst(process))
                """,
            advice: "watch the fd too, or give the call to another thread")
    }

    /// Which fd it was is known only where all sleeps are one thread's.
    private static func worst(_ process: ProcessFigures) -> String {
        guard process.threads == 1 else { return "" }
        let files = process.files.values.filter {
            $0.operations(of: .blocking) > 0 && $0.identity.type != .regular && $0.blocked > 0
        }
        return files.max { $0.blocked < $1.blocked }.map { ", most on \($0.identity.name)" } ?? ""
    }
}

extension FileFigures {
    func operations(of slot: ModelSlot) -> UInt64 {
        counters[slot].operations
    }
}
