"""Real programs under load, one per file.

A load is a context manager of (directory, options) that yields an object with a `target` (tools.Target) to trace, and with
`run(slow)`, which lets the load run for some seconds and returns its figures: `per_second`, and `p50_us` and `p99_us` of the load
generator where it measures them. `slow` is true under tracers that add microseconds to each call: a load that has a length in
requests, not in seconds, is shortened then. A load that ends with its run makes a `target` for each: `prepare()` is called first.
"""
