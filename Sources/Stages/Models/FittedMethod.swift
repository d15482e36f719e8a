public import Datasets
public import Methods
public import Tensors

/// A method whose model `pipe fit` keeps in a file.
public protocol FittedMethod: CondensingMethod {
  /// Fits the model to real images, and packs it with its history.
  ///
  /// - Parameter history: gives the step that made it; throws where nothing was learned.
  func fitted(
    to store: ClassStore, of info: DatasetInfo, counts: [Int], normalization: Normalization,
    using random: RandomSource, control: RunControl, history: FittedHistory
  ) throws -> FittedModel
}

/// The history of a model, from the steps that were reached and the report of the last one.
public typealias FittedHistory = (_ steps: Int, _ report: StepReport?) throws -> ProvenanceStep

/// A model that was fitted.
public struct FittedModel: Sendable {
  /// Its file.
  public var bytes: [UInt8]
  /// What it is, in a line.
  public var summary: String

  /// A model; see the properties.
  public init(bytes: [UInt8], summary: String) {
    self.bytes = bytes
    self.summary = summary
  }
}
