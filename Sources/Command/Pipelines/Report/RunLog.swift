internal import Datasets
internal import Glibc

/// What a run tells machines: JSON lines with times, and the textfile of `--metrics`.
struct RunLog {
  private let report: Reporter
  private let pipeline: String
  private let metrics: RunMetrics?
  private let started = ContinuousClock.now
  private var isDry: Bool
  private var open: (plan: DatasetPlan, since: ContinuousClock.Instant)?
  private var outcomes: [(name: String, outcome: RunOutcome)] = []
  private var names: [String]?
  /// A dataset that was made and did not get its name.
  var unpublished: RunOutcome?

  /// Nothing is written yet.
  init(_ invocation: Invocation, _ file: String) {
    report = invocation.report
    let pipeline = String(file.split(separator: "/").last ?? "")
    self.pipeline = pipeline
    metrics = invocation.arguments.path("metrics").map { RunMetrics(path: $0, pipeline: pipeline) }
    isDry = invocation.arguments.flag("dry-run") || invocation.arguments.flag("plan")
  }

  /// Refuses a textfile that cannot be written, long before it is.
  ///
  /// - Throws: `DataError` (`.cannotCreate`).
  func begin() throws { try metrics?.check() }

  /// Notes which datasets the file has.
  mutating func plans(_ plans: [DatasetPlan]) { names = plans.map(\.name) }

  /// A dataset is looked at.
  mutating func beginDataset(_ plan: DatasetPlan) {
    unpublished = nil
    open = (plan, .now)
  }

  /// Says what is done with the dataset at hand.
  func state(_ state: String, _ plan: DatasetPlan) { say(RunOutcome(output: plan.output, state: state), isEnd: false) }

  /// Says what became of the dataset at hand.
  mutating func endDataset(_ outcome: RunOutcome) {
    var outcome = outcome
    outcome.seconds = open.map { seconds(since: $0.since) } ?? 0
    say(outcome, isEnd: true)
    if let name = open?.plan.name { outcomes.append((name, outcome)) }
    open = nil
  }

  private func say(_ outcome: RunOutcome, isEnd: Bool) {
    guard !isDry, case .object(let members) = outcome.json else { return }
    let time = isEnd ? outcome.seconds : open.map { seconds(since: $0.since) } ?? 0
    report.event(
      "dataset",
      [("time", .string(timeText())), ("seconds", .number(rounded(time)))]
        + (isEnd ? members : Array(members.prefix(2))))
  }

  /// Says how the run ended, and writes the textfile.
  ///
  /// - Parameter code: the exit code of a run that failed.
  /// - Throws: `DataError` when the textfile cannot be written.
  mutating func end(_ code: Int32?) throws {
    guard !isDry else { return }
    if let plan = open?.plan {
      var outcome = RunOutcome(output: plan.output, state: "interrupted")
      outcome.failure = ErrorReport(exitCode: code ?? 1, sentence: nil)
      endDataset(outcome)
    }
    let time = seconds(since: started)
    var failure: DataError?
    do throws(DataError) {
      try metrics?.write(outcomes, of: names, seconds: time, exitCode: code ?? 0, now: Int(Glibc.time(nil)))
    } catch {
      failure = error
    }
    // The textfile comes first, so that what is said of the end holds.
    let ending = code ?? failure.map { ErrorReport($0, verb: "run").exitCode } ?? 0
    report.event(
      "run",
      [
        ("time", .string(timeText())), ("seconds", .number(rounded(time))), ("pipeline", .string(pipeline)),
        ("exit_code", .integer(Int(ending))),
      ])
    if let failure { throw failure }
  }
}

private func seconds(since start: ContinuousClock.Instant) -> Double {
  let (seconds, attoseconds) = start.duration(to: .now).components
  return Double(seconds) + Double(attoseconds) * 1e-18
}

/// Milliseconds are enough.
private func rounded(_ seconds: Double) -> Double { (seconds * 1000).rounded() / 1000 }

/// `2026-11-26T03:15:00Z`.
private func timeText() -> String {
  var now = Glibc.time(nil)
  var parts = tm()
  gmtime_r(&now, &parts)
  var text = [CChar](repeating: 0, count: 32)
  let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
  return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
