internal import Datasets
internal import FoundationEssentials
internal import Glibc
internal import Streaming
internal import Synchronization

/// What the steps of a run say on their standard errors, read by the run, which draws all of their stages on one terminal.
///
/// A step writes JSON lines; what it writes beside them, as a crash does, is shown as it is.
final class StepReports: Sendable {
  private let descriptors: [Int32]
  private let verbs: [String]
  private let report: Reporter
  /// Whether the steps have ended, and nobody is left who would close the pipes.
  private let isOver = Mutex(false)
  private let thread = Mutex<pthread_t?>(nil)

  /// The longest line that is read whole.
  private static let longestLine = 1 << 20
  /// Time between two looks at the board, in milliseconds: what is left of the time shrinks also while nothing is reported.
  private static let tick: Int32 = 200

  /// Reads from these descriptors, one for each verb, and closes them in the end.
  init(_ descriptors: [Int32], of verbs: [String], to report: Reporter) {
    self.descriptors = descriptors
    self.verbs = verbs
    self.report = report
  }

  /// Begins to read, on a thread of its own.
  ///
  /// - Throws: `DataError` (`.io`) where the system gives none.
  func start() throws(DataError) {
    var created = pthread_t()
    let argument = Unmanaged.passRetained(self)
    let status = pthread_create(
      &created, nil,
      { argument in
        if let argument { Unmanaged<StepReports>.fromOpaque(argument).takeRetainedValue().read() }
        return nil
      }, argument.toOpaque())
    guard status == 0 else {
      argument.release()
      throw systemFailure("no thread could be made", status)
    }
    thread.withLock { $0 = created }
  }

  /// Waits until everything is shown that the steps wrote; they have ended.
  func finish() {
    isOver.withLock { $0 = true }
    guard
      let thread = thread.withLock({ thread in
        defer { thread = nil }
        return thread
      })
    else { return }
    pthread_join(thread, nil)
    report.clearBoard()
  }

  private func read() {
    var lines = descriptors.map { _ in LineBuffer(limit: Self.longestLine) }
    var waiting = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    while waiting.contains(where: { $0.fd >= 0 }) {
      let isOver = isOver.withLock { $0 }
      let ready = poll(&waiting, nfds_t(waiting.count), Self.tick)
      if ready < 0, errno != EINTR { break }
      // A process of somebody else may hold a pipe open for ever.
      if ready == 0, isOver { break }
      if ready == 0 { report.redraw() }
      guard ready > 0 else { continue }
      for step in waiting.indices where waiting[step].revents != 0 {
        let count = Glibc.read(waiting[step].fd, &bytes, bytes.count)
        if count < 0, errno == EINTR { continue }
        for line in count > 0 ? lines[step].add(bytes[..<count]) : lines[step].rest() { show(line, of: step) }
        if count <= 0 {
          waiting[step].fd = -1
          report.closed(step: step)
        }
      }
    }
    for descriptor in descriptors { close(descriptor) }
  }

  private func show(_ line: [UInt8], of step: Int) {
    guard line.first == UInt8(ascii: "{"), let said = try? JSONDecoder().decode(StepLine.self, from: Data(line)) else {
      report.relay(raw: String(decoding: line, as: UTF8.self))
      return
    }
    report.relay(said, of: "pipe \(verbs[step])", step: step)
  }
}

/// A JSON line that a step wrote.
struct StepLine: Decodable {
  var event: String
  var message: String?
  var place: String?
  var reason: String?
  var rest: String?
  var stage: String?
  var done: Int?
  var total: Int?
  var unit: String?
  var bytes: Int?
  var loss: Double?
  var losses: [String: Double]?
  var gradientNorm: Double?
  var accuracy: Double?
  var note: String?

  private enum CodingKeys: String, CodingKey {
    case event, message, place, reason, rest, stage, done, total, unit, bytes, loss, losses, accuracy, note
    case gradientNorm = "gradient_norm"
  }

  /// How far a stage is; nil for other lines.
  var progress: ProgressEvent? {
    guard event == "progress", let stage, let done else { return nil }
    return ProgressEvent(
      stage: stage, done: done, total: total, unit: unit ?? "", bytes: bytes, loss: loss, gradientNorm: gradientNorm,
      accuracy: accuracy, note: note,
      terms: (losses ?? [:]).sorted { $0.key < $1.key }.map { .init(name: $0.key, value: $0.value) })
  }
}

/// Bytes that come in pieces, taken apart at line feeds.
struct LineBuffer {
  private let limit: Int
  private var pending: [UInt8] = []

  /// - Parameter limit: the longest line in bytes; a longer one comes in pieces.
  init(limit: Int) { self.limit = limit }

  /// The lines that are complete with these bytes, without their line feeds.
  mutating func add(_ bytes: ArraySlice<UInt8>) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var rest = bytes
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      lines.append(pending + rest[..<end])
      pending = []
      rest = rest[(end + 1)...]
    }
    pending += rest
    if pending.count > limit {
      lines.append(pending)
      pending = []
    }
    return lines
  }

  /// What came after the last line feed.
  mutating func rest() -> [[UInt8]] {
    defer { pending = [] }
    return pending.isEmpty ? [] : [pending]
  }
}
