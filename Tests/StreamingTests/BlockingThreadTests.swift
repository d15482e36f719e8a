import Streaming
import Synchronization
import Testing

@Suite("The blocking thread")
struct BlockingThreadTests {
  @Test
  func `work runs on the thread, one piece at a time and in order`() async {
    let thread = BlockingThread(name: "worker")
    let seen = Mutex<[Int]>([])
    for value in 0..<50 {
      await thread.run {
        #expect(thread.isCurrent)
        seen.withLock { $0.append(value) }
      }
    }
    #expect(seen.withLock { $0 } == Array(0..<50))
    #expect(!thread.isCurrent)
  }

  @Test
  func `pieces from many tasks never overlap`() async {
    /// Not guarded by anything but the thread: overlapping pieces would lose counts (and the thread sanitizer sees them).
    final class Unguarded: @unchecked Sendable {
      var count = 0
    }
    let thread = BlockingThread(name: "worker")
    let sum = Unguarded()
    await withDiscardingTaskGroup { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<200 { await thread.run { sum.count += 1 } }
        }
      }
    }
    #expect(sum.count == 1600)
  }

  @Test
  func `a typed error comes back as it was thrown`() async {
    let thread = BlockingThread(name: "worker")
    await #expect(throws: Broken(reason: "disk")) {
      try await thread.run { () throws(Broken) -> Int in throw Broken(reason: "disk") }
    }
  }

  @Test
  func `an actor can live on the thread`() async {
    actor Resident {
      let thread: BlockingThread
      var calls = 0
      init(_ thread: BlockingThread) { self.thread = thread }
      nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
      func call() -> Bool {
        calls += 1
        preconditionIsolated()
        return thread.isCurrent
      }
    }
    let resident = Resident(BlockingThread(name: "actor"))
    for _ in 0..<20 { #expect(await resident.call()) }
    #expect(await resident.calls == 20)
  }

  @Test
  func `a task with this preference runs there, with its child tasks`() async {
    let thread = BlockingThread(name: "tasks")
    await withTaskExecutorPreference(thread) {
      #expect(thread.isCurrent)
      await Task.yield()
      #expect(thread.isCurrent)
      async let child = thread.isCurrent
      #expect(await child)
    }
  }

  @Test
  func `a stack of 16 MB holds a deep recursion that 8 MB would not`() async {
    let thread = BlockingThread(name: "deep", stackBytes: 16 << 20)
    let depth = await thread.run { recursed(1_500) }
    #expect(depth == 1_500)
  }

  @Test
  func `the last reference may be dropped by the thread's own work`() async {
    let holder = Mutex<BlockingThread?>(BlockingThread(name: "self"))
    let dropped = Gate()
    if let thread = holder.withLock({ $0 }) {
      await thread.run {
        holder.withLock { $0 = nil }
        dropped.open()
      }
    }
    await dropped.wait()
    #expect(holder.withLock { $0 == nil })
  }
}

/// Uses about 8 KB of stack per level.
private func recursed(_ depth: Int) -> Int {
  withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 16) { scratch in
    scratch[0] = UInt8(truncatingIfNeeded: depth)
    scratch[8191] = scratch[0]
    return depth == 0 ? 0 : 1 + recursed(depth - 1)
  }
}
