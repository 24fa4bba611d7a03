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
    }

    @Test func aDifferenceBelowZeroIsZero() {
        let (earlier, later) = (CallFigures(count: 5, errors: 3), CallFigures(count: 7, errors: 2))
        #expect(later.since(earlier) == CallFigures(count: 2))
    }
}
