/// One option of a verb: what is typed, what it takes, and what it means.
public struct Option: Sendable {
  /// Long name without dashes: `ipc`.
  public var name: String
  /// One-letter form, without dash.
  public var short: Character?
  /// Another long name under which it may be typed.
  public var alias: String?
  /// What it takes.
  public var kind: ValueKind
  /// The value when nothing is typed, as it would be typed; nil where there is none, or where it depends on the data
  /// (see `defaultNote`).
  public var defaultText: String?
  /// In words, what happens when nothing is typed and `defaultText` cannot say it.
  public var defaultNote: String?
  /// The value when the name is typed without one: `--zstd` for `--zstd=3`.
  ///
  /// Such an option takes its value only after `=`.
  public var impliedText: String?
  /// May be given several times, and every value counts; otherwise the last one wins.
  public var repeats: Bool
  /// Must be given.
  public var isRequired: Bool
  /// Belongs to the history that travels with the data.
  ///
  /// Not recorded is what cannot change the data: paths, progress.
  public var isRecorded: Bool
  /// The path is written to; other paths are read.
  public var isWritten: Bool
  /// One line: what it does.
  ///
  /// No capital at the start, no full stop at the end.
  public var help: String

  /// Makes an option.
  public init(
    _ name: String, short: Character? = nil, alias: String? = nil, _ kind: ValueKind,
    default defaultText: String? = nil,
    defaultNote: String? = nil, implied impliedText: String? = nil, repeats: Bool = false, isRequired: Bool = false,
    isRecorded: Bool = true, isWritten: Bool = false, help: String
  ) {
    self.name = name
    self.short = short
    self.alias = alias
    self.kind = kind
    self.defaultText = defaultText
    self.defaultNote = defaultNote
    self.impliedText = impliedText
    self.repeats = repeats
    self.isRequired = isRequired
    self.isRecorded = isRecorded
    self.isWritten = isWritten
    self.help = help
  }
}

extension Option {
  /// Whether only the methods that name it among their settings take it.
  public var belongsToMethods: Bool { Catalog.methodOptionNames.contains(name) }
}

/// What an option takes, which decides how its text is checked.
public enum ValueKind: Sendable, Equatable {
  /// Nothing: it is there or not.
  case flag
  /// A whole number in a range.
  case integer(ClosedRange<Int>)
  /// A decimal number in a range.
  case number(ClosedRange<Double>)
  /// Anything; the name stands for it in help texts.
  case text(String)
  /// Words separated by commas; the name stands for one of them in help texts.
  case list(String)
  /// One of these words.
  case choice([String])
  /// A time, in seconds or with units: `90s`, `20m`, `1h30m`.
  case duration
  /// A number of bytes, with a unit of 1024: `512M`, `2G`.
  case size
  /// A file or folder; `-` is the standard input or output where the option says so.
  case path(String)
  /// Rows and columns of an image: `32` or `48x64`.
  case extent
  /// A number for every class, or a table: `10`, `cat=5,dog=10,*=3`.
  case counts

  /// The name that stands for the value in help texts; nil for a flag.
  public var placeholder: String? {
    switch self {
    case .flag: nil
    case .integer: "N"
    case .number: "X"
    case .text(let name), .path(let name): name
    case .list(let name): "\(name),…"
    case .choice(let words): words.joined(separator: "|")
    case .duration: "TIME"
    case .size: "SIZE"
    case .extent: "N|HxW"
    case .counts: "N|TABLE"
    }
  }
}
