internal import Glibc

private final class Work {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}

/// Runs both, the second on a thread of its own where there can be one, and returns when both have ended.
func concurrently(_ first: () -> Void, _ second: () -> Void) {
    withoutActuallyEscaping(second) { second in
        let work = Unmanaged.passRetained(Work(second))
        var thread = pthread_t()
        let failed = pthread_create(
            &thread, nil,
            { work in
                Unmanaged<Work>.fromOpaque(work!).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        first()
        if failed == 0 {
            pthread_join(thread, nil)
        } else {
            work.takeRetainedValue().body()
        }
    }
}
