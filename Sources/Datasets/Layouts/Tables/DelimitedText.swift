/// The rows of a text of cells, as RFC 4180 writes them: cells may be quoted, and hold separators, quotes and line ends then.
struct DelimitedText {
  /// Cells of every row, with the number of the line that it begins on; empty lines are left out.
  private(set) var rows: [(line: Int, cells: [String])] = []

  /// What is wrong with a text, as a clause.
  struct Malformed: Error {
    var problem: String
  }

  /// Reads a whole file: UTF-8 with or without its mark; any of the three kinds of line ends.
  ///
  /// - Parameter separators: the characters that may separate cells; the one that gives the first row the most cells does,
  ///   and a space where there is no other.
  init(_ bytes: [UInt8], separators: [UInt8]) throws(Malformed) {
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
      throw Malformed(problem: "is UTF-16; convert it with iconv -f UTF-16 -t UTF-8")
    }
    var text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]
    guard String(validating: text, as: UTF8.self) != nil else {
      throw Malformed(problem: "is not UTF-8; convert it with iconv -f LATIN1 -t UTF-8")
    }
    // A spreadsheet's own way to name the separator.
    if text.starts(with: Array("sep=".utf8)), let end = text.firstIndex(where: { $0 == 0x0a || $0 == 0x0d }) {
      text = text[end...]
    }
    let first = text.prefix { $0 != 0x0a && $0 != 0x0d }
    let counts = separators.filter { $0 != 0x20 }.map { separator in (separator, first.count { $0 == separator }) }
    let best = counts.max { $0.1 < $1.1 } ?? (0x2c, 0)
    try read(text, separator: best.1 == 0 && separators.contains(0x20) ? 0x20 : best.0)
  }

  private mutating func read(_ text: ArraySlice<UInt8>, separator: UInt8) throws(Malformed) {
    let (quote, newline, carriageReturn): (UInt8, UInt8, UInt8) = (0x22, 0x0a, 0x0d)
    var cells: [String] = []
    var cell: [UInt8] = []
    var line = 1
    var start = 1
    var wasQuoted = false
    var index = text.startIndex
    func endCell() {
      let text = String(decoding: cell, as: UTF8.self)
      cells.append(wasQuoted ? text : text.trimmed)
      cell.removeAll(keepingCapacity: true)
      wasQuoted = false
    }
    func endRow() {
      endCell()
      if cells.count > 1 || !cells[0].isEmpty { rows.append((start, cells)) }
      cells = []
    }
    while index < text.endIndex {
      let byte = text[index]
      index += 1
      if byte == quote, !wasQuoted, cell.allSatisfy({ $0 == 0x20 }) {
        cell.removeAll(keepingCapacity: true)
        wasQuoted = true
        var isClosed = false
        while index < text.endIndex {
          let byte = text[index]
          index += 1
          if byte == newline { line += 1 }
          if byte != quote {
            cell.append(byte)
          } else if index < text.endIndex, text[index] == quote {
            cell.append(quote)
            index += 1
          } else {
            isClosed = true
            break
          }
        }
        guard isClosed else { throw Malformed(problem: "has a quote in line \(start) that is not closed") }
      } else if byte == separator {
        endCell()
        // A run of spaces is one.
        if separator == 0x20 { while index < text.endIndex, text[index] == 0x20 { index += 1 } }
      } else if byte == newline || byte == carriageReturn {
        if byte == carriageReturn, index < text.endIndex, text[index] == newline { index += 1 }
        endRow()
        line += 1
        start = line
      } else if wasQuoted, byte != 0x20 {
        throw Malformed(problem: "has text after a closing quote in line \(line)")
      } else if !wasQuoted {
        cell.append(byte)
      }
    }
    if !cell.isEmpty || !cells.isEmpty || wasQuoted { endRow() }
  }
}

extension StringProtocol {
  /// Without white space at its ends.
  var trimmed: String {
    guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace }) else {
      return ""
    }
    return String(self[first...last])
  }
}
