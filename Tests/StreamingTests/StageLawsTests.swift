import Streaming
import Testing

/// A stage of integers, erased so that every law runs over every stage.
struct StageCase: Sendable, CustomTestStringConvertible {
  let name: String
  /// How far upstream may be pulled ahead of what has been taken from the stage.
  let lead: Int
  /// How many elements of upstream make one of the stage.
  let group: Int
  let collect: @Sendable (Flow<Int>) async throws(PipelineError) -> [[Int]]
  /// Takes `n` elements and returns what `after` says once they are taken.
  let take: @Sendable (Flow<Int>, Int, @escaping @Sendable () async -> Int) async throws(PipelineError) -> Int
  /// The results of asking `n` times more after the end or the failure.
  let askAfterEnd: @Sendable (Flow<Int>, Int) async -> (failures: [PipelineError], lateElements: Int)

  var testDescription: String { name }

  init<S: Stage<Int, O>, O: Sendable>(
    _ name: String, lead: Int = 0, group: Int = 1, _ stage: S, _ values: @escaping @Sendable (O) -> [Int]
  ) {
    self.name = name
    self.lead = lead
    self.group = group
    collect = { (flow: Flow<Int>) async throws(PipelineError) -> [[Int]] in
      try await stage.run(from: flow, into: Collected()).map(values)
    }
    take = {
      (flow: Flow<Int>, count: Int, after: @escaping @Sendable () async -> Int) async throws(PipelineError) -> Int in
      try await stage.run(
        from: flow,
        into: Consumer { (flow: Flow<O>) async throws(PipelineError) -> Int in
          for _ in 0..<count { _ = try await flow.next() }
          return await after()
        })
    }
    askAfterEnd = { flow, count in
      let sink = Consumer { (flow: Flow<O>) async throws(PipelineError) -> ([PipelineError], Int) in
        var failures: [PipelineError] = []
        var isOver = false
        var late = 0
        var asked = 0
        while asked < count {
          do throws(PipelineError) {
            let element = try await flow.next()
            if isOver, element != nil { late += 1 }
            if element == nil { isOver = true }
          } catch {
            failures.append(error)
            isOver = true
          }
          if isOver { asked += 1 }
        }
        return (failures, late)
      }
      do throws(PipelineError) {
        return try await stage.run(from: flow, into: sink)
      } catch {
        return ([error], 0)
      }
    }
  }

  static let all: [StageCase] = [
    StageCase("Mapped", Mapped<Int, Int>("map") { $0 }) { [$0] },
    StageCase("Mapped that may skip", Mapped<Int, Int>("map", onFailure: .skip(limit: 3)) { $0 }) { [$0] },
    StageCase("Batched", group: 2, Batched<Int>(count: 2)) { $0 },
    StageCase("Counted", Counted<Int>(as: "count") { _ in }) { [$0] },
    StageCase("Buffered(1)", lead: 1, Buffered<Int>(capacity: 1)) { [$0] },
    StageCase("Buffered(4)", lead: 4, Buffered<Int>(capacity: 4)) { [$0] },
    StageCase("Parallel(1)", lead: 2, Parallel<Int, Int>("map", lanes: 1) { $0 }) { [$0] },
    StageCase("Parallel(3)", lead: 6, Parallel<Int, Int>("map", lanes: 3) { $0 }) { [$0] },
    StageCase(
      "two buffers", lead: 4,
      pipeline {
        Buffered<Int>(capacity: 1); Buffered<Int>(capacity: 3)
      }
    ) { [$0] },
    StageCase(
      "a chain", lead: 2,
      pipeline {
        Mapped<Int, Int>("first") { $0 + 1 }
        Buffered<Int>(capacity: 2)
        Counted<Int>(as: "count") { _ in }
        Mapped<Int, Int>("second") { $0 - 1 }
      }
    ) { [$0] },
  ]
}

@Suite("The laws of stages")
struct StageLawsTests {
  @Test(arguments: StageCase.all)
  func `every stage passes all elements on in order`(_ stage: StageCase) async throws {
    let source = Source(100)
    #expect(try await stage.collect(source.flow).flatMap { $0 } == Array(0..<100))
  }

  @Test(arguments: StageCase.all)
  func `nothing is pulled before the first element is asked for`(_ stage: StageCase) async throws {
    let source = Source(10)
    let pulls = try await stage.take(source.flow, 0) {
      for _ in 0..<100 { await Task.yield() }
      return source.pulls.value
    }
    #expect(pulls == 0)
    #expect(source.pulls.value == 0)
  }

  @Test(arguments: StageCase.all)
  func `upstream is pulled exactly as far ahead as the buffers allow, and no further`(_ stage: StageCase) async throws {
    let source = Source(1000)
    let expected = 5 * stage.group + stage.lead
    let pulls = try await stage.take(source.flow, 5) {
      for _ in 0..<expected { await source.pulled.wait() }
      for _ in 0..<100 { await Task.yield() }
      return source.pulls.value
    }
    #expect(pulls == expected)
    #expect(source.pulls.value == expected, "the end of the sink must stop the producer")
  }

  @Test(arguments: StageCase.all)
  func `a failure arrives once and unchanged, and the stage stays ended`(_ stage: StageCase) async throws {
    let source = Source(6, failure: PipelineError(stage: "origin", sampleKey: "k7", underlying: Broken()))
    let (failures, late) = await stage.askAfterEnd(source.flow, 4)
    #expect(failures.map(\.stage) == ["origin"])
    #expect(failures.first?.sampleKey == "k7")
    #expect(failures.first?.underlying as? Broken == Broken())
    #expect(late == 0)
    #expect(source.pulls.value == 7)
  }

  @Test(arguments: StageCase.all)
  func `after the end a stage stays ended and does not ask upstream again`(_ stage: StageCase) async throws {
    let source = Source(6)
    let (failures, late) = await stage.askAfterEnd(source.flow, 4)
    #expect(failures.isEmpty)
    #expect(late == 0)
    #expect(source.pulls.value == 7)
  }

  @Test(arguments: StageCase.all)
  func `a cancelled run pulls nothing more and throws`(_ stage: StageCase) async throws {
    let pulls = Counter()
    let stalled = Gate()
    let release = Gate()
    let flow = Flow<Int> { () async throws(PipelineError) -> Int? in
      let pull = pulls.increment()
      if pull == 5 {
        stalled.open()
        await release.wait()
      }
      return pull
    }
    let run = Task {
      await StreamingTests.failure { () async throws(PipelineError) in try await stage.collect(flow) }
    }
    await stalled.wait()
    run.cancel()
    #expect(await run.value?.isCancellation == true)
    #expect(pulls.value == 5)
  }
}
