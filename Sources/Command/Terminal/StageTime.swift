internal import Datasets
internal import Streaming

/// What one stage did, and from when to when, in seconds since the program's start.
///
/// A stage begins where the one before it reported last: its own first report comes after its first piece of work.
struct StageTime: Sendable, Equatable {
  private(set) var last: ProgressEvent
  let begin: Double
  private(set) var end: Double

  /// Takes an event into the list, which is in the order in which stages began.
  static func note(_ event: ProgressEvent, at now: Double, in times: inout [StageTime]) {
    if let index = times.firstIndex(where: { $0.last.stage == event.stage }) {
      times[index].last = event
      times[index].end = now
    } else {
      times.append(StageTime(last: event, begin: times.map(\.end).max() ?? 0, end: now))
    }
  }

  /// `decode: 60,000 samples in 3s, 19500/s`.
  var text: String {
    let done = "\(last.stage): \(grouped(last.done)) \(last.unit) in \(durationText(end - begin))"
    return end > begin ? "\(done), \(significant(Double(last.done) / (end - begin)))/s" : done
  }
}
