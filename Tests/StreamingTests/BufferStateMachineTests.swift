import Testing

@testable import Streaming

/// The buffer's decisions as values: tasks are numbers here (1 produces, 9 consumes), and nothing runs.
@Suite("The buffer's state machine")
struct BufferStateMachineTests {
  @Test
  func `before the first request the producer has to wait, and the request lets it go`() {
    var buffer = Machine(capacity: 2)
    #expect(buffer.askForRoom(1) == .suspend)
    #expect(buffer.take() == "suspend, resume 1")
    #expect(buffer.askForRoom(1) == .proceed)
  }

  @Test
  func `an element goes straight to a waiting consumer`() {
    var buffer = Machine(capacity: 1)
    #expect(buffer.take() == "suspend")
    #expect(buffer.askForRoom(1) == .proceed)
    #expect(buffer.add(5) == "deliver 5 to 9")
    #expect(buffer.count == 0)
  }

  @Test(arguments: [1, 2, 5, 100])
  func `at capacity the producer waits; taking one element makes room for one`(capacity: Int) {
    var buffer = Machine(capacity: capacity)
    _ = buffer.take()
    _ = buffer.add(0)
    for element in 1...capacity {
      #expect(buffer.askForRoom(1) == .proceed)
      #expect(buffer.add(element) == "keep")
    }
    #expect(buffer.askForRoom(1) == .suspend)
    #expect(buffer.take() == "deliver 1, resume 1")
    #expect(buffer.askForRoom(1) == .proceed)
  }

  @Test
  func `the end comes after the elements before it, and a failure once`() {
    var buffer = Machine(capacity: 3)
    _ = buffer.take()
    _ = buffer.add(0)
    _ = buffer.add(1)
    #expect(buffer.end(failing: true) == "none")
    #expect(buffer.take() == "deliver 1")
    #expect(buffer.take() == "end: origin")
    #expect(buffer.take() == "end")
    #expect(buffer.take() == "end")
  }

  @Test(arguments: [false, true])
  func `the end and the failure reach a consumer that is already waiting`(failing: Bool) {
    var buffer = Machine(capacity: 3)
    _ = buffer.take()
    #expect(buffer.end(failing: failing) == (failing ? "end 9: origin" : "end 9"))
    #expect(buffer.take() == "end")
  }

  @Test
  func `cancellation wakes whoever waits, once, and everything after it is refused`() {
    var waitingProducer = Machine(capacity: 1)
    _ = waitingProducer.askForRoom(1)
    let first = waitingProducer.cancel()
    #expect(first.producer == 1)
    #expect(first.consumer == nil)
    let second = waitingProducer.cancel()
    #expect(second.producer == nil)
    #expect(waitingProducer.askForRoom(1) == .stop)

    var waitingConsumer = Machine(capacity: 1)
    _ = waitingConsumer.take()
    #expect(waitingConsumer.cancel().consumer == 9)
    #expect(waitingConsumer.add(5) == "drop")
    #expect(waitingConsumer.end(failing: false) == "none")
    #expect(waitingConsumer.take() == "end: cancelled")
  }

  @Test
  func `cancellation drops what is waiting instead of passing it off as the end`() {
    var buffer = Machine(capacity: 2)
    _ = buffer.take()
    _ = buffer.add(0)
    _ = buffer.add(1)
    _ = buffer.cancel()
    #expect(buffer.count == 0)
    #expect(buffer.take() == "end: cancelled")
  }

  @Test
  func `under any schedule nothing is lost, repeated or reordered, and the lead stays within the capacity`() {
    for seed in 0..<200 {
      var random = UInt64(seed) &* 2_862_933_555_777_941_757 &+ 3_037_000_493
      let capacity = 1 + seed % 5
      var buffer = Machine(capacity: capacity)
      var made = 0
      var got: [Int] = []
      var producerWaits = false
      var consumerWaits = false
      for _ in 0..<500 {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        if random >> 63 == 0 {
          guard !producerWaits else { continue }
          switch buffer.askForRoom(1) {
          case .suspend: producerWaits = true
          case .stop: Issue.record("nobody cancelled")
          case .proceed:
            if case .deliver(let element, _) = buffer.put(made) {
              got.append(element)
              consumerWaits = false
            }
            made += 1
          }
        } else {
          guard !consumerWaits else { continue }
          switch buffer.take(9, cancellation: .cancelled(stage: "buffer")) {
          case .deliver(let element, let producer):
            got.append(element)
            if producer != nil { producerWaits = false }
          case .suspend(let producer):
            consumerWaits = true
            if producer != nil { producerWaits = false }
          case .end: Issue.record("nobody ended")
          }
        }
        #expect(made - got.count <= capacity)
        #expect(!(producerWaits && consumerWaits), "both sides wait for each other")
      }
      #expect(got == Array(0..<got.count))
      #expect(got.count > 50)
    }
  }
}

private typealias Machine = BufferStateMachine<Int, Int, Int>

/// Actions as text, because errors have no equality.
extension BufferStateMachine<Int, Int, Int> {
  fileprivate mutating func take() -> String {
    switch take(9, cancellation: .cancelled(stage: "buffer")) {
    case .deliver(let element, let producer): "deliver \(element)" + (producer.map { ", resume \($0)" } ?? "")
    case .suspend(let producer): "suspend" + (producer.map { ", resume \($0)" } ?? "")
    case .end(nil): "end"
    case .end(let error?): "end: " + (error.isCancellation ? "cancelled" : error.stage)
    }
  }

  fileprivate mutating func add(_ element: Int) -> String {
    switch put(element) {
    case .keep: "keep"
    case .drop: "drop"
    case .deliver(let element, let consumer): "deliver \(element) to \(consumer)"
    }
  }

  fileprivate mutating func end(failing: Bool) -> String {
    switch finish(failing ? PipelineError(stage: "origin", underlying: Broken()) : nil) {
    case .none: "none"
    case .end(let consumer, nil): "end \(consumer)"
    case .end(let consumer, let error?): "end \(consumer): \(error.stage)"
    }
  }
}
