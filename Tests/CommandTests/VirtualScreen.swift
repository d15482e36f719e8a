/// A terminal of some size that understands what the program writes: line feeds, returns, and the erasing and moving of the cursor.
struct VirtualScreen {
  let width: Int
  let height: Int
  /// What is above the first row: it was scrolled away.
  private(set) var scrolled: [String] = []
  private var cells: [[Character]]
  private var row = 0
  private var column = 0
  /// Sequences that it does not know.
  private(set) var unknown: [String] = []
  /// Lines that were wrapped because they were too long.
  private(set) var wraps = 0

  init(width: Int, height: Int = 24) {
    self.width = width
    self.height = height
    cells = Array(repeating: Array(repeating: " ", count: width), count: height)
  }

  /// Everything that was ever shown and not erased, without spaces at the ends of lines, and without empty lines at the end.
  var lines: [String] {
    var all = scrolled + cells.map { Self.trimmed($0) }
    while all.last == "" { all.removeLast() }
    return all
  }

  mutating func feed(_ text: String) {
    var rest = text.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\u{1B}":
        var sequence = ""
        while let next = rest.popFirst() {
          sequence.unicodeScalars.append(next)
          if next != "[", (0x40...0x7e).contains(next.value) { break }
        }
        apply(sequence)
      case "\r": column = 0
      case "\n": lineFeed()
      default:
        if column == width {
          wraps += 1
          column = 0
          lineFeed()
        }
        cells[row][column] = Character(scalar)
        column += 1
      }
    }
  }

  private mutating func lineFeed() {
    row += 1
    guard row == height else { return }
    scrolled.append(Self.trimmed(cells.removeFirst()))
    cells.append(Array(repeating: " ", count: width))
    row -= 1
  }

  private mutating func apply(_ sequence: String) {
    let number = Int(sequence.dropFirst().dropLast()) ?? 1
    switch sequence.last {
    case "A": row = max(0, row - number)
    case "K": for place in column..<max(column, width) { cells[row][place] = " " }
    case "J":
      for place in column..<max(column, width) { cells[row][place] = " " }
      for below in (row + 1)..<max(row + 1, height) { cells[below] = Array(repeating: " ", count: width) }
    case "m": break
    default: unknown.append(sequence)
    }
  }

  private static func trimmed(_ cells: [Character]) -> String {
    var text = String(cells)
    while text.hasSuffix(" ") { text.removeLast() }
    return text
  }
}
