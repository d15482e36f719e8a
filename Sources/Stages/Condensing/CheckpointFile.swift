public import Datasets
import Foundation
import Methods
import Shards
import Tensors

/// A file from which a run goes on that was killed: the images, their optimiser and the step, with what they depend on.
///
/// It is a safetensors file. The run that goes on has the same bytes as one that was never interrupted.
public struct CheckpointFile: Sendable {
  /// What was asked for, option by option: typed values and the catalogue's defaults, and the tool's version as `tool`.
  let asked: [String: String]
  /// SHA-256 of the real images.
  let source: String
  /// Every option of the method as it was in force.
  let options: [String: String]
  /// SHA-256 of the trained networks; nil where there were none.
  let trajectories: String?
  /// Seconds that the run had taken.
  public let seconds: Double
  /// How trials on held-out images went.
  let trials: Trials.Record
  let checkpoint: ImageCheckpoint

  private static let format = "pipe checkpoint 1"

  init(
    asked: [String: String], source: String, options: [String: String], trajectories: String?, seconds: Double,
    trials: Trials.Record, _ checkpoint: ImageCheckpoint
  ) {
    self.asked = asked
    self.source = source
    self.options = options
    self.trajectories = trajectories
    self.seconds = seconds
    self.trials = trials
    self.checkpoint = checkpoint
  }

  /// Reads a file; on the compute thread.
  ///
  /// - Throws: `DataError` where it is not a whole checkpoint.
  public init(contentsOf path: String) throws(DataError) {
    let file = try TensorFile(verified: path)
    let metadata = file.metadata
    func damaged(_ problem: String) -> DataError {
      DataError(
        .badInput, at: [path], "is not a checkpoint of this version: \(problem)",
        remedy: "remove it, and the run begins anew; or name another file")
    }
    guard metadata["format"] == Self.format else { throw damaged("its format is not '\(Self.format)'") }
    func text(_ name: String) throws(DataError) -> String {
      guard let text = metadata[name] else { throw damaged("it has no entry \(name)") }
      return text
    }
    func number(_ name: String) throws(DataError) -> Double {
      guard let number = Double(try text(name)), number.isFinite else {
        throw damaged("its entry \(name) is not a valid number")
      }
      return number
    }
    func integer(_ name: String) throws(DataError) -> Int {
      guard let number = Int(try text(name)), number >= 0 else {
        throw damaged("its entry \(name) is not a valid number")
      }
      return number
    }
    func table(_ name: String) throws(DataError) -> [String: String] {
      guard let table = try? JSONDecoder().decode([String: String].self, from: Data(try text(name).utf8)) else {
        throw damaged("its entry \(name) is not a table")
      }
      return table
    }
    func tensors(_ name: String) -> [Tensor] {
      var found: [Tensor] = []
      while let tensor = file.tensors["\(name).\(found.count)"] { found.append(tensor) }
      return found
    }
    (asked, options, source) = (try table("asked"), try table("options"), try text("source"))
    (trajectories, seconds) = (metadata["trajectories"], try number("seconds"))
    trials = Trials.Record(best: try number("best"), since: try integer("trials since"))
    let report = StepReport(
      step: try integer("step"), steps: try integer("steps"), loss: try number("loss"),
      gradientNorm: try number("gradient norm"), movement: try number("movement"))
    checkpoint = ImageCheckpoint(
      report: report, images: tensors("image"), moments: tensors("moment"), start: tensors("start"))
    let shapes = checkpoint.images.map(\.shape)
    guard report.step > 0, !shapes.isEmpty, checkpoint.start.map(\.shape) == shapes,
      checkpoint.moments.isEmpty || checkpoint.moments.map(\.shape) == shapes,
      file.tensors.count == 2 * shapes.count + checkpoint.moments.count
    else { throw damaged("its tensors do not belong together") }
  }

  /// Writes the file, in place of one of that name; on the compute thread.
  func write(to path: String) throws(DataError) {
    var tensors: [String: Tensor] = [:]
    for (name, values) in [
      ("image", checkpoint.images), ("moment", checkpoint.moments), ("start", checkpoint.start),
    ] {
      for (number, tensor) in values.enumerated() { tensors["\(name).\(number)"] = tensor }
    }
    let report = checkpoint.report
    var metadata = [
      "format": Self.format, "source": source, "seconds": "\(seconds)", "step": "\(report.step)",
      "best": "\(trials.best)", "trials since": "\(trials.since)", "steps": "\(report.steps)", "loss": "\(report.loss)",
      "gradient norm": "\(report.gradientNorm)",
      "movement": "\(report.movement)", "asked": String(decoding: encodeJSON(asked, keysAreData: true), as: UTF8.self),
      "options": String(decoding: encodeJSON(options, keysAreData: true), as: UTF8.self),
    ]
    metadata["trajectories"] = trajectories
    try TensorFile(tensors: tensors, metadata: metadata).write(to: path)
  }

  /// Digest of the set with whose images the run began; nil for none.
  var start: String? { asked[Self.start] }

  /// The name under which that stands in what was asked for.
  static let start = "start-from"

  /// Throws where the run that it belongs to was asked for something else.
  ///
  /// The set that a run begins with may be another by now, as last night's is: what the run began with is in the checkpoint.
  func check(asked now: [String: String], at path: String) throws(DataError) {
    // What differs most comes first.
    let names = Set(asked.keys).union(now.keys).subtracting([Self.start]).sorted()
    for name in ["tool", "method"] + names where asked[name] != now[name] {
      let (old, new) = (asked[name], now[name])
      let what =
        name == "tool"
        ? "was written by \(old ?? "another version"), and this is \(new ?? "another version")"
        : "belongs to a run with \(old.map { "--\(name) \($0)" } ?? "no --\(name)"), "
          + "and this one has \(new.map { "--\(name) \($0)" } ?? "none")"
      throw DataError(.usage, at: [path], what, remedy: Self.remedy)
    }
  }

  /// Throws where the real images are others.
  func check(source now: String, at path: String) throws(DataError) {
    guard source == now else {
      throw DataError(
        .badInput, at: [path],
        "belongs to a run on other images: theirs have the SHA-256 \(source.prefix(16))…, and these \(now.prefix(16))…",
        remedy: Self.remedy)
    }
  }

  /// Throws where the trained networks are others.
  func check(trajectories now: String?, at path: String) throws(DataError) {
    guard trajectories == now else {
      throw DataError(
        .badInput, at: [path], "belongs to a run with other trained networks than these", remedy: Self.remedy)
    }
  }

  private static let remedy = "type the run's own command line, or name another file, or remove this one"
}
