internal import Glibc

/// One operating-system thread with a queue of its own, for work that blocks: reading archives, or tensor arithmetic,
/// whose library keeps a team of helpers per calling thread.
///
/// The cooperative pool has as many threads as cores; a blocked one is lost to everybody. Work given to this thread
/// runs in the order it came, one piece at a time. Use it as a task executor (a ``Buffered`` stage runs all stages
/// above it there), as the executor of an actor, or through ``run(_:)``.
///
/// The thread ends with the last reference: `deinit` lets queued work finish and joins the thread.
public final class BlockingThread: TaskExecutor, SerialExecutor {
  private let queue: WorkQueue
  private let thread: pthread_t

  /// Starts a thread.
  ///
  /// - Parameters:
  ///   - name: shown by `top -H` and debuggers, which keep its first 15 bytes.
  ///   - stackBytes: the size of its stack. Threads get 8 MB by default on Linux; deep recursion may want 16.
  public init(name: String, stackBytes: Int = 16 << 20) {
    let queue = WorkQueue(threadName: name)
    self.queue = queue
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackBytes)
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(queue)
    let status = pthread_create(
      &thread, &attributes,
      { argument in
        if let argument { Unmanaged<WorkQueue>.fromOpaque(argument).takeRetainedValue().runUntilClosed() }
        return nil
      }, argument.toOpaque())
    precondition(status == 0, "The system refused to start a thread (error \(status)); the limit is `ulimit -u`.")
    self.thread = thread
  }

  deinit {
    queue.finish()
    if pthread_equal(pthread_self(), thread) != 0 {
      // The last reference was dropped by the thread's own work: it cannot wait for itself.
      pthread_detach(thread)
    } else {
      pthread_join(thread, nil)
    }
  }

  /// Whether the caller runs on this thread.
  public var isCurrent: Bool { pthread_equal(pthread_self(), thread) != 0 }

  /// Runs `body` on the thread and suspends the caller until it has returned.
  ///
  /// Cancellation does not interrupt it: the caller waits until a started piece of work is done.
  ///
  /// - Throws: what `body` throws.
  public func run<T: Sendable, E: Error>(_ body: @escaping @Sendable () throws(E) -> T) async throws(E) -> T {
    let result: Result<T, E> = await withCheckedContinuation { continuation in
      queue.add(.closure { continuation.resume(returning: outcome(of: body)) })
    }
    return try result.get()
  }

  /// Takes a piece of a task; called by the runtime.
  public func enqueue(_ job: consuming ExecutorJob) {
    // The reference lives until the job has run: a job must not find its executor gone.
    queue.add(.job(UnownedJob(job), executor: self))
  }

  /// This executor as the runtime names it; called by the runtime.
  public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }

  /// This executor as the runtime names it; called by the runtime.
  public func asUnownedTaskExecutor() -> UnownedTaskExecutor {
    UnownedTaskExecutor(ordinary: self)
  }

  /// Stops the program when the caller is not on this thread; called by the runtime.
  public func checkIsolated() {
    precondition(isCurrent, "This code belongs on its own thread and was called from another one.")
  }
}

private func outcome<T, E: Error>(of body: () throws(E) -> T) -> Result<T, E> {
  do throws(E) {
    return .success(try body())
  } catch {
    return .failure(error)
  }
}

/// What a `BlockingThread` has to do next.
private enum Work {
  case job(UnownedJob, executor: BlockingThread)
  case closure(@Sendable () -> Void)

  func perform() {
    switch self {
    case .closure(let body): body()
    case .job(let job, let executor):
      job.runSynchronously(
        isolatedTo: executor.asUnownedSerialExecutor(), taskExecutor: executor.asUnownedTaskExecutor())
    }
  }
}

/// A queue that one thread sleeps on.
///
/// `Mutex` cannot be waited on, so this is the C library's pair.
///
/// Unchecked: everything mutable is touched only between lock and unlock.
private final class WorkQueue: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let changed: UnsafeMutablePointer<pthread_cond_t>
  private var work: [Work] = []
  private var isClosed = false
  private let threadName: String

  init(threadName: String) {
    self.threadName = threadName
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
    changed = .allocate(capacity: 1)
    changed.initialize(to: pthread_cond_t())
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    changed.deallocate()
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func add(_ item: Work) {
    pthread_mutex_lock(mutex)
    work.append(item)
    pthread_cond_signal(changed)
    pthread_mutex_unlock(mutex)
  }

  func finish() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_cond_signal(changed)
    pthread_mutex_unlock(mutex)
  }

  func runUntilClosed() {
    nameThread()
    while let items = waitForWork() {
      for item in items { item.perform() }
    }
  }

  /// Names the calling thread; a help to the eye, so a refusal does not matter.
  private func nameThread() {
    // Glibc's `pthread_setname_np` is hidden from Swift, and `prctl` is variadic; the file does the same.
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    defer { close(file) }
    let name = Array(threadName.utf8.prefix(15))
    _ = write(file, name, name.count)
  }

  private func waitForWork() -> [Work]? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while work.isEmpty, !isClosed { pthread_cond_wait(changed, mutex) }
    if work.isEmpty { return nil }
    defer { work = [] }
    return work
  }
}
