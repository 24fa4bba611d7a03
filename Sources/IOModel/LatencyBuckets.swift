/// Counts of a histogram by the index of the bucket, without those that are zero. They are in order, one after the other in
/// memory: a process has a histogram for each of its calls in each interval, and most fill a few buckets only.
public struct LatencyBuckets: Sendable, Equatable, Sequence, ExpressibleByDictionaryLiteral {
    fileprivate struct Row: Equatable, Sendable {
        var bucket: Int
        var count: UInt64
    }

    private var rows: [Row] = []

    public init() {}

    public init(dictionaryLiteral elements: (Int, UInt64)...) {
        for (bucket, count) in elements { self[bucket] = count }
    }

    /// - Parameter count: of a bucket, by its index; only called for those below `limit`.
    public init(below limit: Int, _ count: (Int) -> UInt64) {
        rows = withUnsafeTemporaryAllocation(of: Row.self, capacity: limit) { found in
            var used = 0
            for bucket in 0..<limit {
                let count = count(bucket)
                guard count != 0 else { continue }
                found.initializeElement(at: used, to: Row(bucket: bucket, count: count))
                used += 1
            }
            return Array(UnsafeBufferPointer(rebasing: found[..<used]))
        }
    }

    public subscript(bucket: Int) -> UInt64 {
        get {
            let place = place(of: bucket)
            return place < rows.count && rows[place].bucket == bucket ? rows[place].count : 0
        }
        set {
            let place = place(of: bucket)
            let isThere = place < rows.count && rows[place].bucket == bucket
            switch (isThere, newValue) {
            case (true, 0): rows.remove(at: place)
            case (true, _): rows[place].count = newValue
            case (false, 0): break
            case (false, _): rows.insert(Row(bucket: bucket, count: newValue), at: place)
            }
        }
    }

    /// Where the bucket is or would be.
    private func place(of bucket: Int) -> Int {
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].bucket < bucket { low = middle + 1 } else { high = middle }
        }
        return low
    }

    public static func += (sum: inout LatencyBuckets, part: LatencyBuckets) {
        if sum.rows.isEmpty { return sum = part }
        for row in part.rows { sum[row.bucket] &+= row.count }
    }

    /// Only those with more than before.
    public func since(_ earlier: LatencyBuckets) -> LatencyBuckets {
        var difference = LatencyBuckets()
        var next = 0
        for row in rows {
            while next < earlier.rows.count, earlier.rows[next].bucket < row.bucket { next += 1 }
            let isThere = next < earlier.rows.count && earlier.rows[next].bucket == row.bucket
            let added = row.count.since(isThere ? earlier.rows[next].count : 0)
            if added > 0 { difference.rows.append(Row(bucket: row.bucket, count: added)) }
        }
        return difference
    }

    public var isEmpty: Bool { rows.isEmpty }
    public var count: Int { rows.count }

    public func makeIterator() -> Iterator { Iterator(rows: rows.makeIterator()) }

    /// Buckets in order.
    public struct Iterator: IteratorProtocol {
        fileprivate var rows: IndexingIterator<[Row]>

        public mutating func next() -> (key: Int, value: UInt64)? { rows.next().map { ($0.bucket, $0.count) } }
    }
}
