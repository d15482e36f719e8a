internal import Datasets
internal import Streaming

/// What is drawn over and over on a terminal: a line for each stage, of one process or of all steps of a run.
///
///     ✓ decode    ━━━━━━━━━━━━━━━━━━━━  60,000/60,000 samples  19500/s  3s
///       condense  ━━━━━━━━━━──────────  312/600 steps  2.10/s  loss 0.431  accuracy 51.2 %  2m17s left
///
/// A value: events go in, and lines come out. Time comes from outside, in seconds.
struct Board: Sendable {
  /// A stage.
  private struct Row {
    /// Which process reports it; nil for this one.
    let source: Int?
    var event: ProgressEvent
    var meter: Meter
    let began: Double
    /// When it reported last.
    var reported: Double
    /// When the whole of it was done, or its process ended.
    var ended: Double?
    /// The last one that was told.
    var accuracy: Double?
  }

  /// How lines are drawn.
  struct Style: Sendable, Equatable {
    /// Columns of the terminal.
    var width: Int
    /// Its rows.
    var height: Int
    /// Whether it has more characters than ASCII.
    var isUnicode = false
    var isColored = false
    /// Whether other programs may write to it at any time: then there is one line, of the stage that reported last.
    var isShared = false
  }

  /// A line with what it takes on the screen.
  struct Line: Sendable, Equatable {
    /// The text with its colours.
    var text: String
    /// Columns that it fills.
    var columns: Int
  }

  /// Stages that are shown at most.
  private static let mostRows = 12
  private var rows: [Row] = []

  /// Whether there is nothing to draw.
  var isEmpty: Bool { rows.isEmpty }

  /// Takes an event of a process into its row.
  mutating func update(_ event: ProgressEvent, from source: Int? = nil, at now: Double) {
    if let index = rows.firstIndex(where: { $0.source == source && $0.event.stage == event.stage }) {
      // A stage that begins anew, as the networks of a trial do, is measured anew.
      if event.done < rows[index].event.done { rows[index].meter = Meter(startedAt: now) }
      rows[index].meter.update(event, at: now)
      let loss = event.loss ?? rows[index].event.loss
      rows[index].event = event
      rows[index].event.loss = loss
      rows[index].reported = now
      rows[index].accuracy = event.accuracy ?? rows[index].accuracy
      rows[index].ended = event.done == event.total ? rows[index].ended ?? now : nil
      return
    }
    // A stage begins where the one before it in its process reported last.
    let began = rows.last { $0.source == source }?.reported ?? now
    var meter = Meter(startedAt: now)
    meter.update(event, at: now)
    rows.append(
      Row(
        source: source, event: event, meter: meter, began: began, reported: now,
        ended: event.done == event.total ? now : nil, accuracy: event.accuracy))
  }

  /// Notes that a process has ended: none of its stages goes on.
  mutating func close(_ source: Int, at now: Double) {
    for index in rows.indices where rows[index].source == source && rows[index].ended == nil { rows[index].ended = now }
  }

  /// Forgets all stages.
  mutating func removeAll() { rows = [] }

  /// The lines, none of which reaches the last column, and so few that the terminal does not scroll.
  func lines(_ style: Style, at now: Double) -> [Line] {
    guard !rows.isEmpty, style.width > 1 else { return [] }
    if style.isShared {
      guard let latest = rows.max(by: { $0.reported < $1.reported }) else { return [] }
      return [line(latest, names: 0, hasBars: false, style, at: now)]
    }
    // In the order of the shell pipe.
    let ordered = rows.enumerated().sorted { ($0.element.source ?? 0, $0.offset) < ($1.element.source ?? 0, $1.offset) }
      .map(\.element)
    let room = max(1, min(Self.mostRows, style.height - 2))
    var shown = ordered
    var hidden = 0
    // Those that are done go first, the oldest of them before others; then the oldest.
    while shown.count + (hidden > 0 ? 1 : 0) > room, shown.count > 1 {
      shown.remove(at: shown.firstIndex { $0.ended != nil } ?? 0)
      hidden += 1
    }
    let hasBars = shown.contains { ($0.event.total ?? 0) > 0 }
    let names = shown.map { columns(of: printable($0.event.stage)) }.max() ?? 0
    var lines = shown.map { line($0, names: min(names, max(8, style.width / 3)), hasBars: hasBars, style, at: now) }
    if hidden > 0, lines.count < room {
      let done = ordered.count { $0.ended != nil } - shown.count { $0.ended != nil }
      let text = fitted(
        "  \(done == hidden ? "\(counted(hidden, "stage")) done" : "\(counted(hidden, "further stage"))")",
        to: style.width - 1)
      lines.insert(Line(text: text, columns: columns(of: text)), at: 0)
    }
    return lines
  }

  /// - Parameters:
  ///   - names: columns of the names of stages; 0 for a line that stands alone.
  ///   - hasBars: whether other lines have one, so that room is left for it.
  private func line(_ row: Row, names: Int, hasBars: Bool, _ style: Style, at now: Double) -> Line {
    let event = row.event
    let isDone = row.ended != nil
    let stage = printable(event.stage)
    let name = names > 0 ? padded(fitted(stage, to: names), to: names) : fitted(stage, to: max(4, style.width / 2))
    let mark = isDone ? (style.isUnicode ? "✓ " : "* ") : "  "
    let room = style.width - 1 - columns(of: name) - 2
    guard room > 0 else {
      let text = fitted(name, to: style.width - 1)
      return Line(text: text, columns: columns(of: text))
    }
    // What goes first where the line is too short has the highest number.
    var parts: [(text: String, rank: Int)] = [(amount(event), 0)]
    if let bytes = event.bytes { parts.append((sizeText(bytes), 7)) }
    if let rate = row.meter.rate { parts.append(("\(significant(rate))/s", 5)) }
    if let loss = event.loss { parts.append(("loss \(significant(loss))", 3)) }
    if let accuracy = row.accuracy { parts.append(("accuracy \(fixed(100 * accuracy, 1)) %", 2)) }
    for term in event.terms { parts.append(("\(printable(term.name)) \(significant(term.value))", 8)) }
    if let norm = event.gradientNorm { parts.append(("gradient \(significant(norm))", 6)) }
    if let ended = row.ended {
      parts.append((durationText(max(0, ended - row.began)), 1))
    } else if let remaining = row.meter.remaining(event) {
      // It shrinks on while a long step reports nothing.
      parts.append(("\(durationText(max(0, remaining - (now - row.reported)))) left", 1))
    }
    if let note = event.note { parts.append((printable(note), 9)) }
    func text() -> String { parts.map(\.text).joined(separator: "  ") }
    let bar = 10
    while columns(of: text()) + (event.total == nil ? 0 : bar + 2) > room - 2, parts.count > 1,
      let last = parts.map(\.rank).max(), last > 4
    { parts.removeAll { $0.rank == last } }
    while columns(of: text()) > room - 2, parts.count > 1, let last = parts.map(\.rank).max() {
      parts.removeAll { $0.rank == last }
    }
    let words = fitted(text(), to: max(1, room - 2))
    let cells = min(24, room - 4 - columns(of: words))
    var segments: [(text: String, code: String)] = [(mark, isDone ? "32" : ""), (name, "1"), ("  ", "")]
    if let total = event.total, total > 0, cells >= 5 {
      let filled = min(cells, Int(Double(cells) * Double(max(0, event.done)) / Double(total)))
      let (full, empty) = style.isUnicode ? ("━", "─") : ("#", "-")
      segments.append((String(repeating: full, count: filled), isDone ? "32" : "36"))
      segments.append((String(repeating: empty, count: cells - filled) + "  ", "2"))
    } else if hasBars, cells >= 5 {
      segments.append((String(repeating: " ", count: cells) + "  ", ""))
    }
    segments.append((words, ""))
    return drawn(segments, style)
  }

  /// `312/600 steps`.
  private func amount(_ event: ProgressEvent) -> String {
    let unit = printable(event.unit)
    return event.total.map { "\(grouped(event.done))/\(grouped($0)) \(unit)" } ?? "\(grouped(event.done)) \(unit)"
  }

  private func drawn(_ segments: [(text: String, code: String)], _ style: Style) -> Line {
    var line = Line(text: "", columns: 0)
    for segment in segments {
      let text = fitted(segment.text, to: style.width - 1 - line.columns)
      guard !text.isEmpty else { continue }
      line.text += style.isColored && !segment.code.isEmpty ? "\u{1B}[\(segment.code)m\(text)\u{1B}[0m" : text
      line.columns += columns(of: text)
    }
    return line
  }
}

/// Columns that a text fills on a terminal: two for each sign of East Asian scripts and for each emoji, none for marks that combine.
func columns(of text: String) -> Int {
  // Most are.
  if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
  return text.unicodeScalars.reduce(0) { $0 + columns(of: $1) }
}

private func columns(of scalar: Unicode.Scalar) -> Int {
  switch scalar.value {
  case 0..<0x300: 1
  case 0x200b...0x200f, 0xfe00...0xfe0f, 0xfeff: 0
  case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
    0xff00...0xff60,
    0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f900...0x1f9ff, 0x20000...0x3fffd:
    2
  default:
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: 0
    default: scalar.properties.isEmojiPresentation ? 2 : 1
    }
  }
}

/// The beginning of a text that fills no more than so many columns.
private func fitted(_ text: String, to limit: Int) -> String {
  guard columns(of: text) > limit else { return text }
  var (result, taken) = ("", 0)
  for character in text {
    let size = columns(of: String(character))
    guard taken + size <= limit else { break }
    result.append(character)
    taken += size
  }
  return result
}

private func padded(_ text: String, to width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - columns(of: text)))
}
