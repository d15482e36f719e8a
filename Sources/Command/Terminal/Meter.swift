internal import Datasets
internal import Glibc
internal import Streaming

/// How fast one stage is, and how that is shown.
///
/// Time comes from outside, in seconds.
struct Meter: Sendable {
  /// Time constant of the rate, in seconds: long enough to be calm, short enough to follow a change.
  private static let smoothing = 10.0
  private let startedAt: Double
  private var last: (done: Int, time: Double)?
  private(set) var rate: Double?
  var lastShown: Double?

  init(startedAt: Double) {
    self.startedAt = startedAt
  }

  /// Takes an event into the rate: an exponential mean whose weight is the time that has passed.
  mutating func update(_ event: ProgressEvent, at time: Double) {
    guard let last else {
      last = (event.done, time)
      return
    }
    let elapsed = time - last.time
    // Too short a time measures the clock, not the work.
    guard elapsed >= 0.05, event.done > last.done else { return }
    let present = Double(event.done - last.done) / elapsed
    let weight = 1 - exp(-elapsed / Self.smoothing)
    rate = rate.map { $0 + weight * (present - $0) } ?? present
    self.last = (event.done, time)
  }

  /// Whether enough time has passed to show this event; the last one of a stage always is.
  func isDue(_ event: ProgressEvent, at time: Double, every interval: Double) -> Bool {
    // An accuracy comes once.
    guard let lastShown, event.done != event.total, event.accuracy == nil else { return true }
    return time - lastShown >= interval
  }

  /// Seconds to go, where there is a total and a rate.
  func remaining(_ event: ProgressEvent) -> Double? {
    guard let total = event.total, let rate, rate > 0 else { return nil }
    return Double(max(0, total - event.done)) / rate
  }

  /// `condense 312/600 steps  2.10/s  loss 0.431  gradient 0.032  2m17s left`.
  func line(_ event: ProgressEvent) -> String {
    var parts: [String] = []
    if let total = event.total {
      parts.append("\(grouped(event.done))/\(grouped(total)) \(event.unit)")
    } else {
      parts.append("\(grouped(event.done)) \(event.unit)")
    }
    if let bytes = event.bytes { parts.append(sizeText(bytes)) }
    if let rate { parts.append("\(significant(rate))/s") }
    if let loss = event.loss { parts.append("loss \(significant(loss))") }
    for term in event.terms { parts.append("\(term.name) \(significant(term.value))") }
    if let norm = event.gradientNorm { parts.append("gradient \(significant(norm))") }
    if let accuracy = event.accuracy { parts.append("accuracy \(fixed(100 * accuracy, 1)) %") }
    if let remaining = remaining(event), event.done != event.total { parts.append("\(durationText(remaining)) left") }
    if let note = event.note { parts.append(note) }
    return "\(event.stage) \(parts.joined(separator: "  "))"
  }

  /// One event for programs: `{"event":"progress","stage":"condense","done":312,"total":600,…}`.
  func json(_ event: ProgressEvent) -> [(key: String, value: JSONText)] {
    var members: [(key: String, value: JSONText)] = [
      ("event", .string("progress")), ("stage", .string(event.stage)), ("done", .integer(event.done)),
    ]
    if let total = event.total { members.append(("total", .integer(total))) }
    members.append(("unit", .string(event.unit)))
    if let bytes = event.bytes { members.append(("bytes", .integer(bytes))) }
    if let rate { members.append(("rate", .number(rate))) }
    if let remaining = remaining(event) { members.append(("eta_seconds", .number(remaining))) }
    if let loss = event.loss { members.append(("loss", .number(loss))) }
    if !event.terms.isEmpty {
      members.append(("losses", .object(event.terms.map { (key: $0.name, value: .number($0.value)) })))
    }
    if let norm = event.gradientNorm { members.append(("gradient_norm", .number(norm))) }
    if let accuracy = event.accuracy { members.append(("accuracy", .number(accuracy))) }
    if let note = event.note { members.append(("note", .string(note))) }
    return members
  }
}
