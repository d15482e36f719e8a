internal import Datasets
internal import FoundationEssentials
internal import Glibc

/// The curves in what `--progress=json` wrote: losses and accuracies by stage.
///
/// A stage that begins anew, as the networks that tell a set's accuracy again and again do, gives a line for each time; of many, the last
/// ones stay.
struct ProgressLog {
  /// The lines of one stage.
  struct Stage {
    /// The stage, without the count of its networks: `dm` for `dm 2/3`.
    var name: String
    var unit: String
    var losses = Curves()
    /// Accuracies that were told on the way.
    var accuracies = Curves()
  }

  /// The values of one kind.
  struct Curves {
    /// A line for each time that the stage ran, in order.
    private(set) var lines: [Chart.Line] = []
    /// Lines that were left out.
    private(set) var dropped = 0
    /// The stage with its count that the last line is of.
    private var running = ""
    /// How often each of those began.
    private var runs: [String: Int] = [:]

    /// Adds a point of a stage with its count; a step before the last one begins a new line.
    fileprivate mutating func add(_ point: Chart.Point, to name: String) {
      if let last = lines.indices.last, running == name, let before = lines[last].points.last, before.step <= point.step
      {
        if before.step == point.step { lines[last].points.removeLast() }
        lines[last].points.append(point)
        if lines[last].points.count > ProgressLog.mostPoints {
          lines[last].points = thinned(lines[last].points, to: ProgressLog.mostPoints / 2)
        }
        return
      }
      runs[name, default: 0] += 1
      let time = runs[name] ?? 1
      running = name
      lines.append(Chart.Line(label: time == 1 ? name : "\(name), time \(time)", points: [point]))
      if lines.count > ProgressLog.mostLines {
        lines.removeFirst()
        dropped += 1
      }
    }
  }

  /// The stages that have a loss or an accuracy, in the order in which they began.
  private(set) var stages: [Stage] = []

  /// Lines of a stage that are kept.
  private static let mostLines = 6
  /// Points of a line that are kept while it is read; then every second one goes.
  private static let mostPoints = 4 * Chart.most.points
  /// Stages that are kept; a log of more is of many runs.
  private static let mostStages = 40
  /// The longest line that is read.
  private static let longestLine = 1 << 16

  /// An event, as far as a curve needs it.
  private struct Event: Decodable {
    var event: String
    var stage: String?
    var done: Int?
    var unit: String?
    var loss: Double?
    var accuracy: Double?
    var dataset: String?
  }

  /// No curves.
  init() {}

  /// Reads a file line by line; other lines, as a log of several programs has them, are skipped.
  ///
  /// - Parameter dataset: the folder whose curves are wanted: events that name another one are skipped.
  /// - Throws: `DataError` (`.noInput`, `.io`), also `.badInput` where no line is an event.
  mutating func read(_ path: String, of dataset: String) throws(DataError) {
    guard let file = path == "-" ? fdopen(dup(0), "r") : fopen(path, "r") else {
      throw DataError(
        errno == ENOENT ? .noInput : .io, at: [path], "cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    // A line that does not fit comes in pieces, none of which is an event.
    var line = [CChar](repeating: 0, count: Self.longestLine)
    var found = false
    let decoder = JSONDecoder()
    // Names of the folder may differ by where the run was started.
    let own = folderName(of: dataset)
    while fgets(&line, Int32(line.count), file) != nil {
      guard line[0] == CChar(UInt8(ascii: "{")),
        let event = try? decoder.decode(Event.self, from: Data(bytes: line, count: strlen(line)))
      else { continue }
      found = true
      guard event.event == "progress", event.dataset.map({ lastPart(of: $0) == own }) ?? true else { continue }
      take(event)
    }
    guard ferror(file) == 0 else {
      throw DataError(.io, at: [path], "cannot be read: \(String(cString: strerror(errno)))")
    }
    guard found else {
      throw DataError(
        .badInput, at: [path], "holds no event of --progress=json",
        remedy: "keep what pipe condense --progress=json, or pipe run --progress=json, writes to the standard error")
    }
  }

  private mutating func take(_ event: Event) {
    guard let stage = event.stage, let done = event.done, done >= 0, event.loss != nil || event.accuracy != nil else {
      return
    }
    let name = Self.base(stage)
    let unit = event.unit ?? "steps"
    let index: Int
    if let known = stages.firstIndex(where: { $0.name == name && $0.unit == unit }) {
      index = known
    } else {
      guard stages.count < Self.mostStages else { return }
      stages.append(Stage(name: name, unit: unit))
      index = stages.count - 1
    }
    if let accuracy = event.accuracy, accuracy.isFinite {
      stages[index].accuracies.add(Chart.Point(step: done, value: accuracy), to: stage)
    }
    guard let loss = event.loss, loss.isFinite else { return }
    stages[index].losses.add(Chart.Point(step: done, value: loss), to: stage)
  }

  /// `dm` of `dm 2/3`.
  private static func base(_ stage: String) -> String {
    guard let space = stage.lastIndex(of: " ") else { return stage }
    let parts = stage[stage.index(after: space)...].split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2 && parts.allSatisfy({ Int($0) != nil }) ? String(stage[..<space]) : stage
  }
}

/// The name of a folder, also where the path is `.` or ends with `..`.
func folderName(of path: String) -> String {
  let last = lastPart(of: path)
  guard last == "." || last == "..", let whole = realpath(path, nil) else { return last }
  defer { free(whole) }
  return lastPart(of: String(cString: whole))
}

/// The last part of a path, without slashes at its end.
func lastPart(of path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? path
}
