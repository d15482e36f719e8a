import Streaming
import Synchronization
import Testing

@Suite("The blocking thread")
struct BlockingThreadTests {
  @Test("Work runs on the thread, one piece at a time and in order")
  func order() async {
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

  @Test("Pieces from many tasks never overlap")
  func exclusion() async {
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

  @Test("A typed error comes back as it was thrown")
  func failure() async {
    let thread = BlockingThread(name: "worker")
    await #expect(throws: Broken(reason: "disk")) {
      try await thread.run { () throws(Broken) -> Int in throw Broken(reason: "disk") }
    }
  }

  @Test("An actor can live on the thread")
  func actorExecutor() async {
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

  @Test("A task with this preference runs there, with its child tasks")
  func taskExecutor() async {
    let thread = BlockingThread(name: "tasks")
    await withTaskExecutorPreference(thread) {
      #expect(thread.isCurrent)
      await Task.yield()
      #expect(thread.isCurrent)
      async let child = thread.isCurrent
      #expect(await child)
    }
  }

  @Test("A stack of 16 MB holds a deep recursion that 8 MB would not")
  func stack() async {
    let thread = BlockingThread(name: "deep", stackBytes: 16 << 20)
    let depth = await thread.run { recursed(1_500) }
    #expect(depth == 1_500)
  }

  @Test("The last reference may be dropped by the thread's own work")
  func selfRelease() async {
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
