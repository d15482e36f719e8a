public import Datasets
public import Methods

/// Everything that decides an expansion: nil where the method's own default is in force.
public struct ExpandRequest: Sendable {
  /// The methods.
  public enum Method: String, Sendable, CaseIterable {
    case augment
    case expansive
  }

  /// How many samples are made.
  public enum Amount: Sendable, Equatable {
    /// So many times as many of each class.
    case ratio(Double)
    /// So many of each class.
    case perClass(Budget)
  }

  /// Which method.
  public var method: Method
  /// How many samples are made.
  public var amount: Amount
  /// Whether copy 0 of each sample is the sample as it is.
  public var keepsOriginals = false
  /// Where all randomness comes from.
  public var seed: UInt64
  /// The operations of augmentation; nil for those that suit the images.
  public var augmentation: AugmentationStrategy?
  /// What belongs to Expansive Synthesis alone.
  public var expansive = ExpansiveChoice()
  /// How the samples were read, option by option as typed: for the provenance.
  public var reading: [String: String] = [:]

  /// Makes a request with every option at its default.
  public init(method: Method, amount: Amount, seed: UInt64) {
    self.method = method
    self.amount = amount
    self.seed = seed
  }

  /// n' of each class of so many samples; throws where a table does not fit the classes.
  public func counts(of present: [Int], classNames: [String], dataset: String) throws(DataError) -> [Int] {
    switch amount {
    case .ratio(let ratio): expandedCounts(present, ratio: ratio)
    case .perClass(let budget): try budget.counts(classNames: classNames, dataset: dataset)
    }
  }

  /// What was asked for, as it would be typed.
  var amountOption: [String: String] {
    switch amount {
    case .ratio(let ratio):
      ["ratio": ratio == ratio.rounded() && ratio < 1e15 ? String(Int(ratio)) : String(ratio)]
    case .perClass(let budget): ["ipc": budget.text]
    }
  }

  /// What will come, as far as it is known before any sample is read: enough to name and to check the place for it.
  ///
  /// Throws where the samples are not such as can be expanded.
  public func promise(of info: DatasetInfo, tool: String) throws(DataError) -> DatasetInfo {
    guard info.kind == .samples else {
      throw DataError(
        .badInput, at: [info.name], "holds latents, which cannot be expanded", remedy: "decode them first")
    }
    guard info.labelKind == .hard else {
      throw DataError(
        .badInput, at: [info.name], "has soft labels, and what is made would lose them",
        remedy: "expand samples with hard labels")
    }
    if let factor = info.formation?.factor, factor > 1 {
      throw DataError(
        .badInput, at: [info.name],
        "stores \(factor * factor) training images in each image, which cannot be expanded as one",
        remedy: "condense with --factor 1")
    }
    var promised = info
    promised.learnedLearningRate = nil
    if let counts = info.countPerClass {
      promised.countPerClass = try self.counts(of: counts, classNames: info.classNames, dataset: info.name)
    }
    promised.provenance.append(
      ProvenanceStep(
        verb: "expand", tool: tool, options: amountOption.merging(["method": method.rawValue]) { first, _ in first }))
    return promised
  }
}

/// What can be chosen of Expansive Synthesis: nil where the method's own default is in force.
public struct ExpansiveChoice: Sendable {
  /// Which of the paper's settings, for a model that is still to be pre-trained.
  public var setting: ExpansiveModel.Setting?
  /// Steps of the pre-training.
  public var pretrainingSteps: Int?
  /// Images per step of the pre-training.
  public var pretrainingBatch: Int?
  /// Rate of the pre-training.
  public var pretrainingRate: Double?
  /// Steps of the fine-tuning.
  public var steps: Int?
  /// Samples per step of the fine-tuning.
  public var batch: Int?
  /// Rate of the fine-tuning.
  public var learningRate: Double?
  /// Whether samples go through classical augmentation before copies are made of them.
  public var movesSources: Bool?
  /// How far a copy goes from its sample to what its recipe says; below 0 the other way.
  public var reach: Double?
  /// How much of what the autoencoder leaves out of a sample comes back in its copies.
  public var detail: Double?
  /// Weights α₀ to α₄ of the losses.
  public var weights:
    (reconstruction: Double?, classification: Double?, transport: Double?, covariance: Double?, attention: Double?)

  /// Every default.
  public init() { weights = (nil, nil, nil, nil, nil) }
}
