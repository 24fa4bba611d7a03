/// Asynchronous interfaces that turn out not to be.
extension Finding {
    static func blockingSubmit(_ process: ProcessFigures) -> Finding? {
        let call = process.calls(named: ["io_submit"])
        guard call.blocked >= 10 * millisecond else { return nil }
        return Finding(
            code: "aio_blocks_in_submit",
            message: "\(Words.count(call.count)) io_submit calls slept \(Words.time(call.blocked))",
            advice:
                "Linux AIO is asynchronous for O_DIRECT only, and not while it allocates: open with O_DIRECT, or use io_uring"
        )
    }

    static func punted(_ process: ProcessFigures) -> Finding? {
        let all = process.uring.values.reduce(into: RequestFigures()) { $0 += $1.figures }
        guard all.completed >= 100, all.punted > all.completed / 2 else { return nil }
        return Finding(
            code: "uring_mostly_punted",
            message:
                "\(Words.count(all.punted)) of \(Words.count(all.completed)) io_uring requests went to worker threads",
            advice:
                "buffered writes and what cannot be polled do: O_DIRECT, or a file system with nonblocking buffered writes, avoids it"
        )
    }
}
