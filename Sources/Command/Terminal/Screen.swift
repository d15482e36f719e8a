/// What is drawn on a terminal at present, and how to draw something else in its place without flicker.
///
/// The cursor rests at the start of the last line that is drawn. Every change is one piece of text, in which nothing is erased before what
/// takes its place is written.
struct Screen: Sendable {
  private var drawn: [Board.Line] = []
  private var width = 0

  /// Whether there is something to take away.
  var isDrawn: Bool { !drawn.isEmpty }

  /// What puts these lines in the place of those that are drawn.
  mutating func draw(_ lines: [Board.Line], width newWidth: Int) -> String {
    guard !lines.isEmpty else { return clear(width: newWidth) }
    var text = start(at: newWidth)
    for (index, line) in lines.enumerated() {
      if index > 0 { text += "\r\n" }
      text += line.text + "\u{1B}[K"
    }
    // What is left of more lines than these.
    if drawn.count > lines.count || newWidth < width { text += "\u{1B}[J" }
    text += "\r"
    drawn = lines
    width = newWidth
    return text
  }

  /// What takes everything away that is drawn.
  mutating func clear(width newWidth: Int) -> String {
    guard isDrawn else { return "" }
    let text = start(at: newWidth) + "\u{1B}[J"
    drawn = []
    return text
  }

  /// Moves the cursor to the start of the first line that is drawn.
  private func start(at newWidth: Int) -> String {
    let rows = rows(at: newWidth) - 1
    return rows > 0 ? "\r\u{1B}[\(rows)A" : "\r"
  }

  /// Rows that the drawn lines take: a terminal that became narrower has broken them.
  private func rows(at newWidth: Int) -> Int {
    guard newWidth < width, newWidth > 0 else { return max(1, drawn.count) }
    // The cursor is at the start of the last line, whose further rows are below it.
    return drawn.dropLast().reduce(1) { $0 + max(1, ($1.columns + newWidth - 1) / newWidth) }
  }
}
