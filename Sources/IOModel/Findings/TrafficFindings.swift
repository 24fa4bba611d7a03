/// What moves, in which pieces, to whom, and how often it is copied.
extension Finding {
    static func tinyOperations(_ process: ProcessFigures) -> Finding? {
        let tiny = process.files.values.filter { file in
            let bytes = file.bytesIn &+ file.bytesOut
            return file.operations.less(file.again) >= enough && bytes > 0 && bytes <= file.operations
                && ![.eventfd, .timerfd, .signalfd].contains(file.identity.type)
        }
        guard let worst = tiny.max(by: { $0.operations < $1.operations }) else { return nil }
        return Finding(
            code: "one_byte_operations",
            message: "\(Words.count(worst.operations)) operations on \(worst.identity.name) moved a byte each",
            advice: "buffer them: each costs two mode switches")
    }

    static func onePeer(_ process: ProcessFigures) -> Finding? {
        let sockets = process.files.values.filter { $0.identity.type.isSocket && $0.identity.peer != nil }
        let all = sockets.reduce(0) { $0 &+ $1.blocked }
        guard sockets.count > 1, let worst = sockets.max(by: { $0.blocked < $1.blocked }),
            all >= 100 * millisecond, worst.blocked > all / 5 * 4, let peer = worst.identity.peer
        else { return nil }
        return Finding(
            code: "one_peer_dominates",
            message: """
                \(Words.time(worst.blocked)) of \(Words.time(all)) asleep on \(Words.count(UInt64(sockets.count))) sockets \
                were waits for \(peer)
                """,
            advice: "that peer, or the network to it, sets the pace")
    }

    static func hiddenCopies(_ process: ProcessFigures) -> Finding? {
        let hidden = process.hiddenCopies()
        let bytes = hidden.reduce(0) { $0 &+ $1.bytes }
        guard let first = hidden.first, let payload = Copies(of: process)?.payload, bytes > payload / 100 else {
            return nil
        }
        return Finding(
            code: "hidden_copy",
            message:
                "\(Words.count(bytes)) bytes were copied that were meant not to be, most by \(first.operation): \(first.reason)",
            advice: first.advice)
    }
}
