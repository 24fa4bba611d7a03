internal import IOModel

/// What the signs mean, as far as they occur.
struct Legend {
    private var items: [Flow.Item] = []

    init(of processes: [ProcessFigures]) {
        let files = processes.lazy.flatMap { $0.files.values }
        if files.contains(where: \.identity.nonblocking) { add("N", "nonblocking") }
        if files.contains(where: \.identity.inEpoll) { add("E", "in an epoll set") }
        let times = processes.lazy.flatMap { process in process.calls.keys.lazy.map { process.time(of: $0) } }
        if times.contains(where: { $0?.estimated == true }) { add("~", "estimated from the timed calls") }
        if processes.contains(where: Self.isPartlyKnown) { add("≥", "at least: some calls were not timed") }
        if times.contains(where: { $0 == nil }) { add(HumanUnits.unknown, "not known") }
    }

    private static func isPartlyKnown(_ process: ProcessFigures) -> Bool {
        let classifier = ModelClassifier(process)
        let quadrants = classifier.quadrants
        let times =
            [
                quadrants.syncBlocking, quadrants.syncNonblocking, quadrants.asyncBlocking, quadrants.asyncNonblocking,
            ].map(\.time) + [classifier.phases.moving]
        return times.contains { $0.isPartial && $0.nanoseconds != nil }
    }

    func lines(width: Int) -> [Line] { items.isEmpty ? [] : Flow(items: items, hanging: 0).lines(width: width) }

    private mutating func add(_ sign: String, _ meaning: String) { items.append([TextRun("\(sign) \(meaning)", .dim)]) }
}
