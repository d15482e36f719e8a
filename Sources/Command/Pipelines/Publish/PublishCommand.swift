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
  ///
  /// What is put in is not looked at again: an output may be called `{name}`.
  func line(_ template: String, folder: String, generation: String, name: String) -> String {
    let words = [("{folder}", folder), ("{generation}", generation), ("{name}", name)]
    var line = ""
    var rest = template[...]
    while let character = rest.first {
      if let (key, value) = words.first(where: { rest.hasPrefix($0.0) }) {
        line += Self.quoted(value)
        rest = rest.dropFirst(key.count)
      } else {
        line.append(character)
        rest = rest.dropFirst()
      }
    }
    return line
  }

  /// A word as every `sh` takes it, whatever it holds; plain words as they are, so that they may stand inside quotes.
  static func quoted(_ word: String) -> String {
    let isPlain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./=,:+@%".contains($0)) }
    guard !isPlain || word.isEmpty else { return word }
    // By bytes: an accent after a quote would make another character of it.
    var bytes: [UInt8] = []
    for byte in word.utf8 {
      if byte == UInt8(ascii: "'") { bytes += Array("'\\''".utf8) } else { bytes.append(byte) }
    }
    return "'" + String(decoding: bytes, as: UTF8.self) + "'"
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
