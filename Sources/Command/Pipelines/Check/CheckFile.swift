internal import Datasets
internal import FoundationEssentials
internal import Shards

/// What stands in a dataset's folder about its check: accuracies, how they were found, and what was asked.
///
/// The next night compares with it. It holds no time, so that the same dataset and check give the same bytes.
struct CheckFile: Codable, Equatable {
  /// The file's name.
  static let name = "pipe.check"

  /// Everything that decides accuracies beside the dataset.
  struct Evaluation: Codable, Equatable {
    /// Name and version of the program.
    var tool: String
    /// All options of `pipe evaluate` in force.
    var options: [String: String]
    /// Digest of what each test archive holds.
    var test: [String]
    /// The same of what `real` names; nil where it names nothing.
    var real: [String]?
  }

  /// What one network reached.
  struct Figures: Codable, Equatable {
    /// The network.
    var network: String
    /// Test accuracy of each trained network, in [0, 1].
    var accuracies: [Double]
    /// Their mean.
    var accuracy: Double
    /// Mean accuracy of each class, in index order; nil for one without test images.
    var classAccuracies: [Double?]
  }

  /// Always `pipe-check`.
  var format = "pipe-check"
  /// The version of this file's format.
  var version = 1
  /// The last name of the output that it was made for: where it waits, it has another one.
  var output: String
  /// The dataset, by its manifest.
  var generation: String
  /// Whether it passed all conditions.
  var passed: Bool
  /// What was asked; nil where it was not compared with that yet.
  var asked: CheckConditions?
  /// How the figures were found; nil where no network was trained.
  var evaluation: Evaluation?
  /// Network by network.
  var figures: [Figures]
  /// Class names in index order.
  var classes: [String]
  /// The generation that it was compared with, and its figures under the same evaluation.
  var last: Last?
  /// What was asked and what was found.
  var conditions: [ConditionResult]

  /// The dataset before.
  struct Last: Codable, Equatable {
    var generation: String
    var figures: [Figures]
  }

  /// A file about a dataset of which nothing is known yet.
  init(output: String, generation: String, evaluation: Evaluation? = nil, asked: CheckConditions? = nil) {
    self.output = output
    self.generation = generation
    self.asked = asked
    self.evaluation = evaluation
    passed = false
    (figures, classes, conditions) = ([], [], [])
  }

  /// What lies in a folder; nil where there is none, or none that can be read.
  init?(inFolder folder: String) {
    guard let data = try? Data(contentsOf: URL(filePath: "\(folder)/\(Self.name)")),
      let file = try? JSONDecoder().decode(Self.self, from: data), file.format == "pipe-check", file.version == 1
    else { return nil }
    self = file
  }

  /// The file's content.
  var bytes: [UInt8] { recordBytes(self) }

  /// Puts it into the folder, in place of an older one.
  ///
  /// - Throws: `DataError` (`.cannotCreate`, `.io`).
  func write(inFolder folder: String) throws(DataError) {
    try putRecord(self, named: Self.name, inFolder: folder)
  }
}

extension CheckFile.Figures {
  /// The figures of the evaluated set, without its baselines.
  ///
  /// - Returns: nil where a network has none, or was trained fewer times than was asked for.
  static func list(_ result: EvaluationResult) -> [Self]? {
    let rows = result.rows.filter { !$0.baseline }
    let figures = rows.filter { !$0.stoppedEarly }.compactMap { row in
      row.mean.map {
        Self(network: row.network, accuracies: row.accuracies, accuracy: $0, classAccuracies: row.perClass)
      }
    }
    return figures.count == rows.count && !figures.isEmpty ? figures : nil
  }
}
