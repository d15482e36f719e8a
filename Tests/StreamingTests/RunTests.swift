import Testing

@testable import Streaming

@Suite("The runner")
struct RunTests {
  @Test
  func `stages run in the order in which they are written`() async throws {
    let stages = pipeline {
      Mapped<Int, Int>("add") { $0 + 1 }
      Mapped<Int, String>("say") { "\($0)" }
      Batched<String>(count: 2)
    }
    #expect(stages.name == "add → say → batch")
    let result = try await stages.run(from: .elements(0..<5), into: Collected())
    #expect(result == [["1", "2"], ["3", "4"], ["5"]])
  }

  @Test
  func `a sink that fails stops the producer within the capacity, and its failure is what the caller gets`() async {
    let source = Source(1000)
    let error = await failure { () async throws(PipelineError) in
      try await Buffered<Int>(capacity: 3).run(
        from: source.flow,
        into: Consumer { (flow: Flow<Int>) async throws(PipelineError) -> Int in
          _ = try await flow.next()
          throw PipelineError(stage: "test sink", underlying: Broken(reason: "full"))
        })
    }
    #expect(error?.underlying as? Broken == Broken(reason: "full"))
    #expect(source.pulls.value <= 4)
    let after = source.pulls.value
    for _ in 0..<100 { await Task.yield() }
    #expect(source.pulls.value == after, "a pump was still running after the run had returned")
  }

  @Test
  func `a sink that takes a cut stream for a whole one does not make a cancelled run a success`() async {
    let reached = Gate()
    let release = Gate()
    let task = Task {
      await failure { () async throws(PipelineError) in
        try await Buffered<Int>(capacity: 2).run(
          from: .elements(0..<100),
          into: Consumer { (flow: Flow<Int>) async throws(PipelineError) -> Int in
            _ = try await flow.next()
            reached.open()
            await release.wait()
            return 1  // as if everything had been read
          })
      }
    }
    await reached.wait()
    task.cancel()
    let error = await task.value
    #expect(error?.isCancellation == true)
    #expect(error?.stage == "test sink")
  }

  @Test
  func `the failure of a stage is reported even when the run is cancelled as well`() async {
    let source = Source(1, failure: PipelineError(stage: "origin", underlying: Broken()))
    let reached = Gate()
    let release = Gate()
    let task = Task {
      await failure { () async throws(PipelineError) in
        try await source.flow.run(
          into: Consumer { (flow: Flow<Int>) async throws(PipelineError) -> Int in
            do throws(PipelineError) {
              while try await flow.next() != nil {}
              return 0
            } catch {
              reached.open()
              await release.wait()
              throw error
            }
          })
      }
    }
    await reached.wait()
    task.cancel()
    #expect(await task.value?.stage == "origin")
  }

  @Test
  func `a buffer lets two stages work at the same time; without one they take turns`() async throws {
    // Upstream's second element waits for a sign that only the consumer's work on the first can give. In a pulled
    // chain that work starts before upstream is asked again; beside a buffer both are under way at once.
    let upstreamAtWork = Gate()
    let consumerDone = Gate()
    let sum = try await pipeline {
      Mapped<Int, Int>("produce") { value in
        if value == 1 {
          upstreamAtWork.open()
          await consumerDone.wait()
        }
        return value
      }
      Buffered<Int>(capacity: 1)
    }.run(
      from: .elements(0..<2),
      into: Consumer { (flow: Flow<Int>) async throws(PipelineError) -> Int in
        let first = try await flow.next() ?? -1
        await upstreamAtWork.wait()  // the producer is inside its second element now
        consumerDone.open()
        return first + (try await flow.next() ?? -1)
      })
    #expect(sum == 1)
  }

  @Test
  func `the stages above a buffer run on the executor that it was given`() async throws {
    let thread = BlockingThread(name: "io")
    let places = try await pipeline {
      Mapped<Int, Bool>("where") { _ in thread.isCurrent }
      Buffered<Bool>(capacity: 2, on: thread)
      Mapped<Bool, [Bool]>("and here") { [$0, thread.isCurrent] }
    }.run(from: .elements(0..<3), into: Collected())
    #expect(places == [[true, false], [true, false], [true, false]])
  }

  @Test(arguments: [1, 4])
  func `however long the stream, only as many elements are alive as the buffers hold`(capacity: Int) async throws {
    let census = Census()
    let flow = Mapped<Int, Citizen>("make") { _ in Citizen(census) }
    let stages = pipeline {
      flow
      Buffered<Citizen>(capacity: capacity)
    }
    let count = try await stages.run(
      from: .elements(0..<5000),
      into: Consumer { (flow: Flow<Citizen>) async throws(PipelineError) -> Int in
        var count = 0
        while try await flow.next() != nil { count += 1 }
        return count
      })
    #expect(count == 5000)
    #expect(census.alive == 0)
    // The buffer's elements, and the one in the consumer's hands.
    #expect(census.peak <= capacity + 1)
  }
}

/// Counts the objects that are alive.
private final class Census: Sendable {
  private let counts = Guarded((alive: 0, peak: 0))

  var alive: Int { counts.withLock { $0.alive } }
  var peak: Int { counts.withLock { $0.peak } }

  func add(_ change: Int) {
    counts.withLock { counts in
      counts.alive += change
      counts.peak = max(counts.peak, counts.alive)
    }
  }
}

private final class Citizen: Sendable {
  private let census: Census

  init(_ census: Census) {
    self.census = census
    census.add(1)
  }

  deinit {
    census.add(-1)
  }
}
