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
  /// Columns; 80 where nobody knows.
  public var width: Int
  /// Whether colours are welcome: a terminal, and neither `NO_COLOR` nor a dumb one.
  public var color: Bool

  /// Makes a description.
  public init(
    isInput: Bool, isOutput: Bool, isError: Bool, canDraw: Bool? = nil, width: Int = 80, color: Bool = false
  ) {
    self.isInput = isInput
    self.isOutput = isOutput
    self.isError = isError
    self.canDraw = canDraw ?? isError
    self.width = width
    self.color = color
  }

  /// What this process is connected to.
  static func current() -> Terminal {
    let isError = isatty(2) == 1
    let canDraw = isError && !["", "dumb"].contains(variable("TERM") ?? "")
    return Terminal(
      isInput: isatty(0) == 1, isOutput: isatty(1) == 1, isError: isError, canDraw: canDraw, width: columns() ?? 80,
      color: canDraw && (variable("NO_COLOR") ?? "").isEmpty)
  }
}

/// A variable of the environment.
func variable(_ name: String) -> String? {
  getenv(name).map { String(cString: $0) }
}

private func columns() -> Int? {
  if let columns = variable("COLUMNS").flatMap({ Int($0) }), columns > 0 { return columns }
  for descriptor: Int32 in [2, 1] {
    var size = winsize()
    if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
  }
  return nil
}
