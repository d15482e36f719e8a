public import Datasets
internal import FoundationEssentials
internal import Glibc

/// The evaluations of a dataset that `pipe run` keeps in its folder, beside the manifest.
///
/// It is no part of the dataset: readers, `verify` and `SHA256SUMS` do not mind it, and it may come later or be removed.
public struct EvaluationFile: Codable, Sendable, Equatable {
  /// The file's name.
  public static let name = "pipe.evaluations"

  /// An evaluation: what was asked for, and what came out.
  public struct Entry: Codable, Sendable, Equatable {
    /// SHA-256 of everything that decides the result: options, tool, test data, and the dataset's generation.
    public var digest: String
    /// Every option in force that can change the result, as it is typed: `--repeats=3`.
    public var options: [String]
    /// The result.
    public var result: EvaluationResult

    /// An entry; see the properties.
    public init(digest: String, options: [String], result: EvaluationResult) {
      self.digest = digest
      self.options = options
      self.result = result
    }
  }

  /// Always `pipe-evaluations`.
  public var format = "pipe-evaluations"
  /// The version of this file's format.
  public var version = 1
  /// The dataset that was evaluated, by its manifest.
  public var generation: String
  /// One for each evaluation that the pipeline file asks for and that was run, in its order.
  public var evaluations: [Entry]

  /// A file; see the properties.
  public init(generation: String, evaluations: [Entry]) {
    self.generation = generation
    self.evaluations = evaluations
  }

  /// What lies in a dataset's folder; nil where there is none, none that can be read, or one of another generation.
  public init?(inFolder folder: String, of generation: String) {
    guard let data = try? Data(contentsOf: URL(filePath: "\(folder)/\(Self.name)")),
      let file = try? decodeJSON(Self.self, from: Array(data), at: []),
      file.format == "pipe-evaluations", file.version == 1, file.generation == generation
    else { return nil }
    self = file
  }

  /// Writes the file into a dataset's folder; whoever looks finds the old one or the new one.
  ///
  /// It is written beside the folder first, for whatever is left in it by a run that was killed would be a stranger there.
  ///
  /// - Throws: `DataError` (`.cannotCreate`, `.io`).
  public func write(toFolder folder: String) throws(DataError) {
    let beside = "\(parentFolder(of: folder))/.\(lastName(of: folder).prefix(200)).evaluations"
    let file = try NewFile(beside)
    try file.write(encodeJSON(self, indented: true) + [UInt8(ascii: "\n")])
    try file.publish(replacing: true)
    let place = "\(folder)/\(Self.name)"
    // Another run that writes the same may have been faster.
    guard rename(beside, place) == 0 || errno == ENOENT && access(place, F_OK) == 0 else {
      throw systemError(.io, at: [folder], "the evaluations cannot be put there")
    }
    try syncFolder(folder)
  }
}
