internal import Glibc

/// A value behind a lock.
///
/// `Mutex` would do the same, but when two threads meet it waits inside the runtime, where the thread sanitizer does not
/// see it: every contended `Mutex` is reported as a race. The C library's lock is one that the sanitizer knows, so what
/// it reports about streams is about streams.
///
/// Unchecked: `value` is touched only between lock and unlock.
final class Guarded<Value: Sendable>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value

  init(_ value: Value) {
    self.value = value
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// What `body` returns; nobody else is in here meanwhile.
  func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body(&value)
  }
}
