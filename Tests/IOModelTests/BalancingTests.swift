import Testing

@testable import IOModel

@Suite struct BalancingTests {
    @Test func whatIsBelowZeroIsPaidOffBeforeAnythingIsHandedOut() {
        var balance = CallFigures(count: 2, bytes: 10)
        balance -= CallFigures(count: 5, bytes: 4)
        #expect(balance.takeCredit() == CallFigures(bytes: 6))
        #expect(!balance.isSettled)
        balance += CallFigures(count: 4)
        #expect(balance.takeCredit() == CallFigures(count: 1))
        #expect(balance.isSettled)
    }

    @Test func aFileIsSettledWhenNothingOfItIsLeft() {
        var file = FileFigures(identity: FileIdentity(fd: 3, type: .pipe))
        file.again = 1
        #expect(file.isZero && !file.counters.isSettled)
        _ = file.counters.takeCredit()
        #expect(file.counters.isSettled)
    }

    @Test func packedCountersTakeOffWhatTheyWere() {
        var totals = Totals()
        var ledger = LedgerFigures()
        (totals.observed, totals.instantWaits) = (1, 2)
        totals.causes = totals.causes.indices.map { UInt64($0) }
        (ledger.inNotCopied, ledger.zeroCopySendsCopied) = (3, 4)
        let packed = PackedCounters(totals, ledger)
        (totals.observed, ledger.mapped) = (11, 5)
        packed.subtract(from: &totals, &ledger)
        var (added, addedToLedger) = (Totals(), LedgerFigures())
        (added.observed, addedToLedger.mapped) = (10, 5)
        #expect(totals == added && ledger == addedToLedger)
    }

    @Test func packedCallsAreWhatTheyWere() {
        let calls: [(key: UInt32, value: CallFigures)] = [
            (0, CallFigures(count: 1, errors: 2, bytes: 3, sleeps: 4, blocked: 5, runQueue: .max)),
            (0x8000_0000, CallFigures()), (202, CallFigures(blocked: 9)),
        ]
        let unpacked = PackedCalls(calls).unpacked
        #expect(unpacked.map(\.key) == calls.map(\.key) && unpacked.map(\.value) == calls.map(\.value))
        #expect(PackedCalls([]).unpacked.isEmpty)
    }

    @Test func soDoThoseOfAFile() {
        var file = FileFigures(
            identity: FileIdentity(fd: 3, type: .pipe), operations: 1, bytesIn: 2, bytesOut: 3, blocked: 4)
        file.again = 5
        file.models = file.models.indices.map { ModelFigures(operations: UInt64($0), bytes: UInt64(2 * $0)) }
        (file.ledger.inNotCopied, file.ledger.zeroCopySendsCopied) = (6, 7)
        let packed = PackedCounters(file)
        #expect(packed == PackedCounters(file) && packed != .none)
        var later = file
        later.models[13].bytes += 8
        #expect(packed != PackedCounters(later))
        packed.subtract(from: &later)
        #expect(later.models[13] == ModelFigures(bytes: 8))
        packed.subtract(from: &file)
        #expect(file.counters.isSettled)
    }
}
