import Streaming
import Synchronization
import Testing

@Suite("Single stages")
struct StagesTests {
  @Test
  func `an error in a mapped element names the stage and the sample`() async {
    let stage = Mapped<String, String>("decode", key: { $0 }) { key in
      if key == "c" { throw Broken() }
      return key
    }
    let error = await failure { () async throws(PipelineError) in
      try await stage.run(from: .elements(["a", "b", "c"]), into: Collected())
    }
    #expect(error?.stage == "decode")
    #expect(error?.sampleKey == "c")
    #expect(error?.underlying as? Broken == Broken())
  }

  @Test(arguments: [1, 2, 3])
  func `up to the limit, failing elements are left out and named; one more ends the flow`(limit: Int) async {
    let skipped = Mutex<[String]>([])
    let stage = Mapped<Int, Int>(
      "decode", onFailure: .skip(limit: limit), key: { "s\($0)" },
      onSkip: { error in skipped.withLock { $0.append(error.sampleKey ?? "") } }
    ) { value in
      if value == 1 || value == 3 { throw Broken() }
      return value
    }
    do throws(PipelineError) {
      let kept = try await stage.run(from: .elements(0..<5), into: Collected())
      #expect(limit >= 2)
      #expect(kept == [0, 2, 4])
    } catch {
      #expect(limit == 1)
      #expect(error.sampleKey == "s3")
    }
    #expect(skipped.withLock { $0 } == (limit == 1 ? ["s1"] : ["s1", "s3"]))
  }

  @Test
  func `a failure of a stage above is never skipped`() async {
    let source = Source(2, failure: PipelineError(stage: "origin", underlying: Broken()))
    let stage = Mapped<Int, Int>("map", onFailure: .skip(limit: 100)) { $0 }
    let error = await failure { () async throws(PipelineError) in
      try await stage.run(from: source.flow, into: Collected())
    }
    #expect(error?.stage == "origin")
  }

  @Test
  func `a cancellation inside an element is never skipped`() async {
    let stage = Mapped<Int, Int>("map", onFailure: .skip(limit: 100)) { _ in throw CancellationError() }
    let error = await failure { () async throws(PipelineError) in
      try await stage.run(from: .elements(0..<3), into: Collected())
    }
    #expect(error?.isCancellation == true)
  }

  @Test(
    "Batches are full except the last, and none is empty",
    arguments: [(0, []), (3, [3]), (6, [3, 3]), (7, [3, 3, 1])])
  func `batches`(count: Int, sizes: [Int]) async throws {
    let batches = try await Batched<Int>(count: 3).run(from: .elements(0..<count), into: Collected())
    #expect(batches.map(\.count) == sizes)
    #expect(batches.flatMap { $0 } == Array(0..<count))
  }

  @Test
  func `parallel work keeps the order, and a failing element names the stage after the results before it`() async throws
  {
    for lanes in 1...4 {
      let stage = Parallel<Int, Int>("square", lanes: lanes) { value in
        if value == 7 { throw Broken() }
        // Later elements are often done before earlier ones.
        for _ in 0..<(value % 3) * 10 { await Task.yield() }
        return value * value
      }
      let found = Mutex<[Int]>([])
      let error = await failure { () async throws(PipelineError) in
        try await stage.run(
          from: .elements(0..<20),
          into: Consumer { (flow: Flow<Int>) async throws(PipelineError) in
            while let value = try await flow.next() { found.withLock { $0.append(value) } }
          })
      }
      #expect(error?.stage == "square")
      #expect(error?.underlying as? Broken == Broken())
      #expect(found.withLock { $0 } == (0..<7).map { $0 * $0 })
    }
  }

  /// Waits until `count` callers wait.
  private actor Gathering {
    private let count: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(of count: Int) { self.count = count }

    func wait() async {
      await withCheckedContinuation { waiter in
        waiting.append(waiter)
        guard waiting.count == count else { return }
        for waiter in waiting { waiter.resume() }
        waiting = []
      }
    }
  }

  @Test(.timeLimit(.minutes(1)), arguments: [1, 2, 4])
  func `parallel work begins on all lanes at once`(count: Int) async throws {
    let gathering = Gathering(of: count)
    let stage = Parallel<Int, Int>("meet", lanes: count) { value in
      await gathering.wait()
      return value
    }
    #expect(try await stage.run(from: .elements(0..<2 * count), into: Collected()) == Array(0..<2 * count))
  }

  @Test
  func `work is measured by the clock that was given, and summed by its name`() {
    let time = Mutex(0.0)
    let times = WorkTimes { time.withLock { $0 } }
    for seconds in [1.0, 2.0] { times.measure("read") { time.withLock { $0 += seconds } } }
    let answer = times.measure("write") { 42 }
    #expect(answer == 42)
    #expect(times.totals.map(\.work) == ["read", "write"])
    #expect(times.totals.map(\.seconds) == [3, 0])
    let nobody: WorkTimes? = nil
    #expect(nobody.measure("read") { 1 } == 1)
  }

  @Test
  func `progress counts elements and bytes after each element`() async throws {
    let events = Mutex<[ProgressEvent]>([])
    let stage = Counted<String>(as: "shard", total: 2, bytes: { $0.utf8.count }) { event in
      events.withLock { $0.append(event) }
    }
    _ = try await stage.run(from: .elements(["ab", "cde"]), into: Collected())
    #expect(
      events.withLock { $0 } == [
        ProgressEvent(stage: "shard", done: 1, total: 2, unit: "samples", bytes: 2),
        ProgressEvent(stage: "shard", done: 2, total: 2, unit: "samples", bytes: 5),
      ])
  }

  @Test
  func `a buffer or batch of nothing is a mistake of the program and stops it`() async {
    await #expect(processExitsWith: .failure) { _ = Buffered<Int>(capacity: 0) }
    await #expect(processExitsWith: .failure) { _ = Batched<Int>(count: 0) }
  }
}
