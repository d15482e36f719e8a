internal import FoundationEssentials

/// A piece of a web page: what is put into a literal as text is escaped, so that no name can become markup.
///
///     let row: HTML = "<td>\(className)</td>"          // className: String, escaped;  another HTML goes in as it is
struct HTML: ExpressibleByStringInterpolation, Equatable, Sendable {
  /// The source text.
  private(set) var source: String

  init(stringLiteral value: String) { source = value }

  init(stringInterpolation: StringInterpolation) { source = stringInterpolation.source }

  /// A text, escaped; a very long one is cut.
  init(text: String) { source = escaped(text) }

  /// Pieces behind one another.
  init(_ parts: [HTML]) { source = parts.map(\.source).joined() }

  /// Nothing.
  static let none: HTML = ""

  static func + (a: HTML, b: HTML) -> HTML {
    var sum = a
    sum.source += b.source
    return sum
  }

  static func += (a: inout HTML, b: HTML) { a.source += b.source }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var source = ""

    init(literalCapacity: Int, interpolationCount: Int) { source.reserveCapacity(literalCapacity) }

    mutating func appendLiteral(_ literal: String) { source += literal }
    mutating func appendInterpolation(_ piece: HTML) { source += piece.source }
    mutating func appendInterpolation(_ pieces: [HTML]) { for piece in pieces { source += piece.source } }
    mutating func appendInterpolation(_ text: String) { source += escaped(text) }
    mutating func appendInterpolation(_ number: Int) { source += String(number) }
  }
}

/// The longest text that is shown whole, in characters.
private let longest = 4000

/// Text that means only itself, between tags and in quoted attributes; control characters are spelled out.
private func escaped(_ text: String) -> String {
  var result = ""
  for scalar in printable(shortened(text, to: longest)).unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    // What no document may hold, whatever it is written as.
    case _ where isNoncharacter(scalar): result += "\u{fffd}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

private func isNoncharacter(_ scalar: Unicode.Scalar) -> Bool {
  (0xfdd0...0xfdef).contains(scalar.value) || scalar.value & 0xfffe == 0xfffe
}

/// A text of at most so many characters; the rest of a longer one is replaced by an ellipsis.
func shortened(_ text: String, to limit: Int) -> String {
  // A character may be made of any number of scalars.
  let scalars = text.unicodeScalars.prefix(4 * limit)
  let short = String(String.UnicodeScalarView(scalars)).prefix(limit)
  return short.unicodeScalars.count == text.unicodeScalars.count ? text : short + "…"
}

/// A name of a class, a set or a file: isolated from the text around it, whichever way it is written.
func isolated(_ text: String) -> HTML { "<bdi>\(shortened(text, to: 120))</bdi>" }

extension HTML {
  /// A table with headers, in a frame of its own that scrolls where the table is wider than the page.
  ///
  /// - Parameters:
  ///   - caption: what is in it, in a few words.
  ///   - numbers: the columns that hold numbers, and are set to the right.
  ///   - rows: cells; the first of each row is its header.
  static func table(_ caption: String, _ heads: [HTML], numbers: Set<Int> = [], rows: [[HTML]], class kind: String = "")
    -> HTML
  {
    func mark(_ column: Int) -> HTML { numbers.contains(column) ? " class=\"number\"" : "" }
    let head = heads.enumerated().map { "<th scope=\"col\"\(mark($0))>\($1)</th>" as HTML }
    let body = rows.map { row -> HTML in
      let cells = row.enumerated().map { column, cell -> HTML in
        column == 0 ? "<th scope=\"row\">\(cell)</th>" : "<td\(mark(column))>\(cell)</td>"
      }
      return "<tr>\(cells)</tr>\n"
    }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="\(caption)"><table class="\(kind)"><caption>\(caption)</caption>
      <thead><tr>\(head)</tr></thead>
      <tbody>\(body)</tbody></table></div>

      """
  }

  /// What is shown only when it is asked for.
  static func details(_ summary: HTML, _ content: HTML) -> HTML {
    "<details><summary>\(summary)</summary>\n\(content)</details>\n"
  }

  /// A paragraph.
  static func paragraph(_ content: HTML, class kind: String? = nil) -> HTML {
    kind.map { "<p class=\"\($0)\">\(content)</p>\n" } ?? "<p>\(content)</p>\n"
  }

  /// A line to type, or a program.
  static func code(_ text: String, id: String? = nil) -> HTML {
    // Line feeds are the only control characters that a program needs.
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { HTML(text: String($0)).source }
    let mark = id.map { " id=\"\($0)\"" as HTML } ?? .none
    var code = HTML.none
    code.source = lines.joined(separator: "\n")
    return "<pre tabindex=\"0\"\(mark)><code>\(code)</code></pre>\n"
  }

  /// The address of a picture that is inside of the page: the bytes of a PNG file in base64, whose letters need no escaping.
  static func address(ofPNG bytes: [UInt8]) -> HTML {
    var address: HTML = "data:image/png;base64,"
    address.source += Data(bytes).base64EncodedString()
    return address
  }

  /// What fills a section that has no data yet: what is missing, and the lines that bring it.
  static func missing(_ what: HTML, _ commands: String...) -> HTML {
    "<p class=\"missing\">\(what)\(commands.map { " <code>\($0)</code>" as HTML })</p>\n"
  }
}

/// `54.3 %`; a dash where there is none.
func percentText(_ share: Double?) -> String { share.map { "\(fixed(100 * $0, 1)) %" } ?? "–" }
