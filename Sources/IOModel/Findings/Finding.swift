/// Something about a process's I/O that an experienced engineer would point out, with the number that shows it and a remedy.
///
/// Each rule needs enough operations or time to mean something; below that it stays silent. docs/models/findings.md lists
/// them.
public struct Finding: Sendable, Equatable {
    /// Stable name of the kind.
    public var code: String
    /// What is so, with its number.
    public var message: String
    public var advice: String

    public init(code: String, message: String, advice: String) {
        self.code = code
        self.message = message
        self.advice = advice
    }
}

extension Finding {
    /// Operations below which a share says nothing.
    static let enough: UInt64 = 1000
    static let millisecond: UInt64 = 1_000_000

    /// Everything that the figures of a process support.
    public static func all(in process: ProcessFigures) -> [Finding] { all(in: ModelClassifier(process)) }

    /// The same of a process that has been classified already.
    public static func all(in classifier: ModelClassifier) -> [Finding] {
        let process = classifier.process
        let sums = classifier.sums
        let rules: [Finding?] = [
            syncInEventLoop(process), fileInEventLoop(process), sleepInEventLoop(process), spinning(process, sums),
            moreWaitsThanOperations(sums), idleWakeups(process, sums), largeSets(process, sums, .poll),
            largeSets(process, sums, .select), blockingFDInEpoll(sums), tinyOperations(process), herd(process),
            blockingSubmit(process), punted(process), onePeer(process), hiddenCopies(process),
        ]
        return rules.compactMap { $0 }
    }
}
