internal import Datasets
internal import FoundationEssentials
internal import Shards

/// Lines for the shell that publish a dataset somewhere else.
struct PublishCommand: Equatable {
  /// Sends the dataset in `{folder}`.
  var send: String
  /// Fetches what was sent into the empty folder `{folder}`.
  var readBack: String
  /// Tells readers; nil where they look for themselves.
  var switchLine: String?
  /// The folder in which they run: that of the pipeline file.
  var folder: String

  /// What tells these lines from others.
  var digest: String { sha256(Array([send, readBack, switchLine ?? ""].joined(separator: "\0").utf8)) }

  /// A line with its words in place: `{folder}`, `{generation}` and `{name}`, quoted for the shell.
  func line(_ template: String, folder: String, generation: String, name: String) -> String {
    var line = template
    for (key, value) in [("{folder}", folder), ("{generation}", generation), ("{name}", name)] {
      line = line.replacing(key, with: shellQuoted(value))
    }
    return line
  }
}

/// What stands in a dataset's folder about its publication by a command: it was sent, and what was read back was whole.
struct SentFile: Codable, Equatable {
  /// The file's name.
  static let name = "pipe.sent"

  /// Always `pipe-sent`.
  var format = "pipe-sent"
  /// The version of this file's format.
  var version = 1
  /// The dataset, by its manifest.
  var generation: String
  /// The digest of the lines that sent it.
  var command: String

  init(generation: String, command: PublishCommand) {
    self.generation = generation
    self.command = command.digest
  }

  /// What lies in a folder; nil where there is none, or none that can be read.
  init?(inFolder folder: String) {
    guard let data = try? Data(contentsOf: URL(filePath: "\(folder)/\(Self.name)")),
      let file = try? JSONDecoder().decode(Self.self, from: data), file.format == "pipe-sent", file.version == 1
    else { return nil }
    self = file
  }

  /// Puts it into the folder, in place of an older one.
  ///
  /// - Throws: `DataError` (`.cannotCreate`, `.io`).
  func write(inFolder folder: String) throws(DataError) {
    try putRecord(self, named: Self.name, inFolder: folder)
  }
}
