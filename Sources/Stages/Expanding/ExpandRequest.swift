public import Datasets
public import Methods

/// Everything that decides an expansion, before the data is seen.
public struct ExpandRequest: Sendable {
  /// How many samples are made.
  public enum Amount: Sendable, Equatable {
    /// So many times as many of each class.
    case ratio(Double)
    /// So many of each class.
    case perClass(Budget)
  }

  /// The method with its options.
  public var method: any ExpandingMethod
  /// How many samples are made.
  public var amount: Amount
  /// Whether copy 0 of each sample is the sample as it is.
  public var keepsOriginals = false
  /// Whether samples get soft labels of networks that are trained on them; see `Teachers`.
  public var softLabels = false
  /// Where all randomness comes from.
  public var seed: UInt64
  /// How the samples were read, option by option as typed: for the provenance.
  public var reading: [String: String] = [:]

  /// Makes a request with every option at its default.
  public init(method: any ExpandingMethod, amount: Amount, seed: UInt64) {
    self.method = method
    self.amount = amount
    self.seed = seed
  }

  /// The kind of labels that come out.
  var labelKind: DatasetInfo.LabelKind { softLabels ? .probability : .hard }

  /// Name of the method.
  public var name: String { type(of: method).name }

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
    try checkExpandable(info)
    guard info.labelKind == .hard else {
      throw DataError(
        .badInput, at: [info.name], "has soft labels, and what is made would lose them",
        remedy: "expand samples with hard labels")
    }
    if let tiles = info.formation?.multiplicity, tiles > 1 {
      throw DataError(
        .badInput, at: [info.name],
        "stores \(tiles) training images in each image, which cannot be expanded as one",
        remedy: "expand images that were selected or read, not learned ones")
    }
    var promised = info
    promised.learnedLearningRate = nil
    promised.labelKind = labelKind
    if let counts = info.countPerClass {
      promised.countPerClass = try self.counts(of: counts, classNames: info.classNames, dataset: info.name)
    }
    promised.provenance.append(
      ProvenanceStep(
        verb: "expand", tool: tool, options: amountOption.merging(["method": name]) { first, _ in first }))
    return promised
  }
}

/// Throws for spectrograms: what is made are images of 8 bits.
public func checkExpandable(_ info: DatasetInfo) throws(DataError) {
  guard info.spectrogram != nil else { return }
  throw DataError(
    .badInput, at: [info.name], "holds spectrograms, and images of 8 bits are made", remedy: "give images")
}
