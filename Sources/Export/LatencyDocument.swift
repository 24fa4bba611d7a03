internal import IOModel
internal import JSON

extension Latency {
    /// `latency_ns`. Fewer timed than `count`: a sample.
    func document(of count: UInt64) -> JSONValue {
        [
            "p50": JSONValue(percentile(0.5)), "p90": JSONValue(percentile(0.9)), "p99": JSONValue(percentile(0.99)),
            "p999": JSONValue(percentile(0.999)), "max": .unsigned(maximum), "sampled": .bool(calls < count),
            "samples": .unsigned(calls),
            "buckets": .array(
                buckets.map {
                    [JSONValue(Latency.upperBound(of: $0.key)), .unsigned($0.value)]
                }),
        ]
    }
}
