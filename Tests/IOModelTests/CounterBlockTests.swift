import Testing

@testable import IOModel

@Suite struct CounterBlockTests {
    private func liesInOrder<Block: CounterBlock>(_ type: Block.Type) -> Bool {
        Block.counterCount == Block.fields.count
            && Block.fields.enumerated().allSatisfy { index, field in
                MemoryLayout<Block>.offset(of: field as PartialKeyPath<Block>) == 8 * index
            }
    }

    @Test func countersLieInMemoryInTheOrderOfTheirFields() {
        #expect(liesInOrder(Totals.self))
        #expect(liesInOrder(CallFigures.self))
        #expect(liesInOrder(LedgerFigures.self))
        #expect(liesInOrder(RequestFigures.self))
        #expect(liesInOrder(FileCounters.self))
    }

    @Test func listsComeAfterThem() {
        #expect(Totals.listCount == BlockingCause.allCases.count)
        #expect(MemoryLayout<Totals>.size == 8 * (Totals.counterCount + Totals.listCount))
        #expect(FileCounters.listCount == LedgerFigures.counterCount + 2 * ModelSlot.allCases.count)
        #expect(MemoryLayout<FileCounters>.size == 8 * (FileCounters.counterCount + FileCounters.listCount))
        var (totals, file) = (Totals(), FileCounters())
        totals[BlockingCause.allCases.last!] = 7
        file[ModelSlot.allCases.last!] = ModelFigures(operations: 8, bytes: 9)
        file.ledger.zeroCopySendsCopied = 6
        #expect(totals.causes == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7] && !totals.isZero)
        #expect(
            file.readList { $0.suffix(3) } == [0, 8, 9] && file.models.last == ModelFigures(operations: 8, bytes: 9))
        totals += totals
        file += file
        #expect(totals[BlockingCause.allCases.last!] == 14)
        #expect(file.ledger.zeroCopySendsCopied == 12 && file.models.last == ModelFigures(operations: 16, bytes: 18))
    }

    @Test func aDifferenceBelowZeroIsZero() {
        let (earlier, later) = (CallFigures(count: 5, errors: 3), CallFigures(count: 7, errors: 2))
        #expect(later.since(earlier) == CallFigures(count: 2))
    }
}
