import Datasets
import Streaming
import Testing

@testable import Command

@Suite("Progress") struct MeterTests {
  private func event(_ done: Int, of total: Int? = 600) -> ProgressEvent {
    ProgressEvent(stage: "condense", done: done, total: total, unit: "steps", loss: 0.4312, gradientNorm: 0.0000321)
  }

  @Test func `a steady stage has its rate and the rest of its time`() throws {
    var meter = Meter(startedAt: 0)
    for step in 0...100 { meter.update(event(step), at: Double(step) * 0.5) }
    #expect(abs(try #require(meter.rate) - 2) < 1e-9)
    #expect(abs(try #require(meter.remaining(event(100))) - 250) < 1e-6)
  }

  @Test func `the rate follows a change within a minute`() throws {
    var meter = Meter(startedAt: 0)
    for step in 0...100 { meter.update(event(step), at: Double(step) * 0.1) }
    for step in 1...60 { meter.update(event(100 + step), at: 10 + Double(step)) }
    #expect(abs(try #require(meter.rate) - 1) < 0.1)
  }

  /// A stage's first report comes after its first piece of work, so it has begun where the one before it ended.
  @Test func `the times of stages add up to that of the whole`() {
    var times: [StageTime] = []
    for (stage, done, time) in [("read", 500, 1.0), ("read", 1000, 2), ("steps", 1, 4), ("steps", 3, 8)] {
      StageTime.note(ProgressEvent(stage: stage, done: done, unit: "things"), at: time, in: &times)
    }
    #expect(times.map(\.begin) == [0, 2] && times.map(\.end) == [2, 8])
    #expect(times.map(\.text) == ["read: 1,000 things in 2s, 500/s", "steps: 3 things in 6s, 0.500/s"])
  }

  @Test func `a line tells everything that is known`() {
    var meter = Meter(startedAt: 0)
    for step in 0...100 { meter.update(event(step), at: Double(step) * 0.5) }
    var event = event(300)
    event.accuracy = 0.5123
    let line = meter.line(event)
    #expect(line.contains("condense 300/600 steps"))
    #expect(line.contains("accuracy 51.2 %"))
    #expect(line.contains("2.00/s"))
    #expect(line.contains("loss 0.431"))
    #expect(line.contains("gradient 3.21e-5"))
    #expect(line.contains("2m30s left"))
  }

  @Test func `the parts of a loss are shown one by one`() {
    var event = event(3)
    event.terms = [.init(name: "re", value: 0.5), .init(name: "ce", value: 2)]
    let meter = Meter(startedAt: 0)
    #expect(meter.line(event).contains("re 0.500  ce 2.00"))
    #expect(JSONText.object(meter.json(event)).rendered().contains(#""losses":{"re":0.5,"ce":2}"#))
  }

  @Test func `events for programs are one object in order`() {
    var meter = Meter(startedAt: 0)
    meter.update(event(0), at: 0)
    meter.update(event(2), at: 1)
    let expected =
      #"{"event":"progress","stage":"condense","done":2,"total":600,"unit":"steps","rate":2,"eta_seconds":299,"#
      + #""loss":0.4312,"gradient_norm":3.21e-05}"#
    #expect(JSONText.object(meter.json(event(2))).rendered() == expected)
    var told = event(2)
    told.accuracy = 0.25
    #expect(JSONText.object(meter.json(told)).rendered() == expected.dropLast() + #","accuracy":0.25}"#)
  }

  @Test func `the last event is always shown`() {
    var meter = Meter(startedAt: 0)
    #expect(meter.isDue(event(0), at: 0, every: 10))
    meter.lastShown = 0
    #expect(!meter.isDue(event(1), at: 1, every: 10))
    #expect(meter.isDue(event(600), at: 1, every: 10))
    #expect(meter.isDue(event(2), at: 10, every: 10))
    var told = event(3)
    told.accuracy = 0.25
    #expect(meter.isDue(told, at: 1, every: 10), "an accuracy comes once")
  }

  @Test(arguments: [
    (0.0, "0"), (0.0321, "0.0321"), (3.14159, "3.14"), (99.96, "100.0"), (432.1, "432"), (123_456.7, "123457"),
    (4.321e-7, "4.32e-7"), (-2.5, "-2.50"), (1e9, "1.00e9"), (0.0009996, "1.00e-3"),
    (9_999_999.0, "1.00e7"),
  ])
  func `numbers have three significant digits`(value: Double, expected: String) {
    #expect(significant(value) == expected)
  }

  @Test(arguments: [(0.04, "0.0s"), (9.4, "9s"), (137, "2m17s"), (3723, "1h02m"), (273_600, "3d04h"), (59.7, "1m00s")])
  func `times are short`(seconds: Double, expected: String) {
    #expect(durationText(seconds) == expected)
  }

  @Test func `counts and sizes are readable`() {
    #expect(grouped(60_000) == "60,000")
    #expect(grouped(-1_234_567) == "-1,234,567")
    #expect(grouped(999) == "999")
    #expect(sizeText(512) == "512 B")
    #expect(sizeText(1536) == "1.5 KiB")
    #expect(sizeText(1023) == "1023 B")
    #expect(sizeText((1 << 20) - 1) == "1.0 MiB")
    #expect(fixed(-0.001, 2) == "0.00")
    #expect(fixed(0.05, 2) == "0.05")
  }
}
