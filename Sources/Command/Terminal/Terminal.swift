internal import Glibc

/// What the three standard streams are connected to, and what the user wants to see there.
public struct Terminal: Sendable {
  /// Whether the standard input is a terminal.
  public var isInput: Bool
  /// Whether the standard output is a terminal.
  public var isOutput: Bool
  /// Whether the standard error is a terminal.
  public var isError: Bool
  /// Whether the terminal of the standard error understands escape codes; a dumb one, or one of unknown kind, does not.
  public var canDraw: Bool
  /// Columns when the program began; 80 where nobody knows.
  public var width: Int
  /// Rows when the program began; 24 where nobody knows.
  public var height: Int
  /// Whether colours are welcome: a terminal, and neither `NO_COLOR` nor a dumb one.
  public var color: Bool
  /// Whether the terminal shows more than ASCII.
  public var isUnicode: Bool
  /// Whether programs of one shell pipe write to it beside this one.
  public var isShared: Bool

  /// Makes a description.
  public init(
    isInput: Bool, isOutput: Bool, isError: Bool, canDraw: Bool? = nil, width: Int = 80, height: Int = 24,
    color: Bool = false, isUnicode: Bool = false, isShared: Bool = false
  ) {
    self.isInput = isInput
    self.isOutput = isOutput
    self.isError = isError
    self.canDraw = canDraw ?? isError
    self.width = width
    self.height = height
    self.color = color
    self.isUnicode = isUnicode
    self.isShared = isShared
  }

  /// What this process is connected to.
  static func current() -> Terminal {
    let isError = isatty(2) == 1
    let canDraw = isError && !["", "dumb"].contains(variable("TERM") ?? "")
    let size = size()
    return Terminal(
      isInput: isatty(0) == 1, isOutput: isatty(1) == 1, isError: isError, canDraw: canDraw, width: size.width,
      height: size.height, color: canDraw && (variable("NO_COLOR") ?? "").isEmpty, isUnicode: speaksUnicode(),
      isShared: isPipe(0) || isPipe(1))
  }

  /// Columns and rows at this moment: a window can be resized at any time.
  static func size() -> (width: Int, height: Int) {
    var found = (width: 80, height: 24)
    for descriptor: Int32 in [1, 2] {
      var size = winsize()
      guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 else { continue }
      if size.ws_col > 0 { found.width = Int(size.ws_col) }
      if size.ws_row > 0 { found.height = Int(size.ws_row) }
    }
    if let columns = variable("COLUMNS").flatMap({ Int($0) }), columns > 0 { found.width = columns }
    return found
  }
}

/// A variable of the environment.
func variable(_ name: String) -> String? {
  getenv(name).map { String(cString: $0) }
}

/// Whether the locale is one of UTF-8, and the terminal not the system's own console, whose font has few signs.
private func speaksUnicode() -> Bool {
  let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap(variable).first { !$0.isEmpty } ?? ""
  let name = locale.lowercased()
  return (name.hasSuffix("utf-8") || name.hasSuffix("utf8")) && variable("TERM") != "linux"
}

private func isPipe(_ descriptor: Int32) -> Bool {
  var status = stat()
  return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
}
