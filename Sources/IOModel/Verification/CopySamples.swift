/// The CPU clock's samples against the ledger: in calls whose bytes moved without a copy, the CPU does not copy.
///
/// Only samples inside those calls are held against it. What a program does at its start (exec, page faults, reading its own
/// files) is sampled too, and is no payload.
struct CopySamples {
    private var inCalls = SampleFigures()

    /// Fewer say nothing: a handful of timer ticks in a packet's header work would accuse an honest transfer.
    static let least: UInt64 = 50
    /// Protocol headers and descriptors are copied in every transfer; a copied payload takes well over half of such calls.
    static let mostForNone = 0.2

    init(_ process: ProcessFigures) {
        for (number, samples) in process.samples where number != SampleFigures.noCall {
            guard let call = process.calls[number], call.count > call.errors else { continue }
            switch SyscallTrait.of(number).kind {
            case .sendfile, .splice, .tee, .copyRange: inCalls += samples
            case .write, .sendmmsg:
                // Only where the ledger has next to all of them as not copied.
                guard let ledger = process.ledger, call.bytes > 0,
                    Self.isMostlyUncopied(process, ledger, number)
                else { continue }
                inCalls += samples
            default: continue
            }
        }
    }

    private static func isMostlyUncopied(_ process: ProcessFigures, _ ledger: LedgerFigures, _ number: UInt32) -> Bool {
        let written = CallBytes(process.calls).bytesOut
        let transferred = ledger.outNotCopied.less(ledger.otherOut)
        return written > 0 && Double(transferred) > 0.99 * Double(written)
    }

    var contradiction: Doubt? {
        guard inCalls.samples >= Self.least, let share = inCalls.copyShare, share.low > Self.mostForNone else {
            return nil
        }
        return Doubt(
            code: "copy_cpu_share",
            message: """
                the ledger says that these calls copied nothing, but \(Self.percent(share.value)) of \
                \(Words.count(share.samples)) samples of the CPU inside them were in copy routines (95% interval \
                \(Self.percent(share.low)) to \(Self.percent(share.high)))
                """)
    }

    /// How far the samples support the ledger.
    var words: String {
        guard inCalls.samples >= Self.least, let share = inCalls.copyShare else {
            return "too few samples of the CPU to check the ledger by (\(Words.count(inCalls.samples)))"
        }
        return "\(Self.percent(share.value)) of \(Words.count(share.samples)) CPU samples in these calls were copying"
    }

    private static func percent(_ share: Double) -> String { "\(Words.ratio(share * 100))%" }
}
