extension PipelineFile {
  /// The key `publish`: where readers find the generations of a dataset.
  struct Publish: Equatable {
    /// The folder that holds the generations and the link `current`, relative to the file.
    var to: String?
    /// How many generations stay there.
    var keep: Int
    /// A line for the shell that sends a generation somewhere else.
    var command: String?
    /// A line for the shell that fetches what was sent into an empty folder.
    var readBack: String?
    /// A line for the shell that tells readers, after what was read back was found to be whole.
    var switchLine: String?
  }
}

extension PipelineFile.Publish: Decodable {
  /// The keys that mean something.
  static let keys = ["to", "keep", "command", "read-back", "switch"]

  init(from decoder: any Decoder) throws {
    let keys = try KnownKeys(decoder, Self.keys)
    func refuse(_ name: String, _ problem: String, _ remedy: String) -> Refusal {
      Refusal(decoder.codingPath + [Key(name)], problem, remedy)
    }
    func text(_ name: String) throws -> String? {
      guard let text = try keys.decodeIfPresent(String.self, name) else { return nil }
      guard !text.isEmpty, !text.contains("\0") else { throw refuse(name, "is empty", "leave it out") }
      return text
    }
    to = try text("to")
    command = try text("command")
    readBack = try text("read-back")
    switchLine = try text("switch")
    let count = try keys.decodeIfPresent(Double.self, "keep")
    keep = Int(exactly: count ?? 7) ?? 0
    guard (1...100_000).contains(keep) else { throw refuse("keep", "should be a number of generations", "7 is usual") }
    if to == nil, count != nil { throw refuse("keep", "needs to, the folder of the generations", "add to: 'FOLDER'") }
    guard to != nil || command != nil else {
      throw Refusal(decoder.codingPath, "says not where", "add to: 'FOLDER', or a command")
    }
    if command != nil, readBack == nil {
      throw refuse(
        "command", "has no read-back, so nobody would know what has arrived",
        "add a read-back: a command that fetches it into {folder}")
    }
    for (name, line) in [("read-back", readBack), ("switch", switchLine)] where line != nil && command == nil {
      throw refuse(name, "needs a command, which sends the dataset", "add it, or leave this out")
    }
    for (name, line) in [("command", command), ("read-back", readBack)] {
      guard let line, !line.contains("{folder}") else { continue }
      throw refuse(name, "does not say {folder}", "write {folder} where the path of the dataset belongs")
    }
  }
}
