import Streaming
import Synchronization
import Testing

@Suite("Flow")
struct FlowTests {
  @Test
  func `a flow of a sequence gives its elements in order, then nil for ever`() async throws {
    let flow = Flow.elements([3, 1, 2])
    var seen: [Int] = []
    for try await element in flow { seen.append(element) }
    #expect(seen == [3, 1, 2])
    #expect(try await flow.next() == nil)
    #expect(try await flow.next() == nil)
  }

  @Test
  func `a sequence is not touched before the first element is asked for`() async throws {
    struct Probe: Sequence, Sendable {
      let made: Counter
      func makeIterator() -> AnyIterator<Int> {
        made.increment()
        return AnyIterator { nil }
      }
    }
    let made = Counter()
    let flow = Flow.elements(Probe(made: made))
    #expect(made.value == 0)
    #expect(try await flow.next() == nil)
    #expect(made.value == 1)
  }

  @Test
  func `a second iterator goes on where the first stopped`() async throws {
    let flow = Flow.elements(0..<4)
    var first = flow.makeAsyncIterator()
    #expect(try await first.next() == 0)
    var second = flow.makeAsyncIterator()
    #expect(try await second.next() == 1)
    #expect(try await first.next() == 2)
  }

  @Test
  func `a plain AsyncStream becomes a flow and keeps what it had buffered`() async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
    for value in 0..<5 { continuation.yield(value) }
    continuation.finish()
    #expect(try await Flow(stream).run(into: Collected()) == [0, 1, 2, 3, 4])
  }

  @Test
  func `a flow handed out as an AsyncStream ends with its failure`() async throws {
    let source = Source(2, failure: PipelineError(stage: "origin", underlying: Broken()))
    var values: [Int] = []
    var failures: [String] = []
    for await result in source.flow.stream {
      switch result {
      case .success(let value): values.append(value)
      case .failure(let error): failures.append(error.stage)
      }
    }
    #expect(values == [0, 1])
    #expect(failures == ["origin"])
  }

  @Test
  func `the loop over a flow throws a PipelineError and nothing else`() async {
    let source = Source(1, failure: PipelineError(stage: "origin", sampleKey: "a/7", underlying: Broken()))
    do throws(PipelineError) {
      for try await _ in source.flow {}
      Issue.record("the failure was swallowed")
    } catch {
      #expect(error.description == "origin, sample a/7: Broken(reason: \"broken\")")
    }
  }

  @Test
  func `in a cancelled task the end of the loop is a throw, also when the source looks finished`() async {
    let started = Gate()
    let release = Gate()
    let task = Task {
      await failure { () async throws(PipelineError) in
        let flow = Flow<Int> { () async throws(PipelineError) -> Int? in
          started.open()
          await release.wait()
          return nil
        }
        return try await flow.run(into: Collected())
      }
    }
    await started.wait()
    task.cancel()
    #expect(await task.value?.isCancellation == true)
  }
}
