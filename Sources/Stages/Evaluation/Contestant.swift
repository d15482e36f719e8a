public import Datasets
public import Methods
import Shards
import Tensors

/// A set to be evaluated: which images a classifier sees, possibly others in every repeat.
public struct Contestant: Sendable {
  /// The method that made it.
  public var name: String
  /// Whether it is shown for comparison only.
  public var isBaseline: Bool
  /// Constants that its images are normalised with, for training and for testing.
  public var normalization: Normalization
  /// The set for one repeat; called on the compute thread.
  public var set: @Sendable (_ repetition: Int) throws -> Synthetic

  /// What it is called in the table.
  var label: String { EvaluationResult.label(name, isBaseline: isBaseline) }

  /// Makes a contestant.
  public init(
    name: String, isBaseline: Bool = false, normalization: Normalization,
    set: @escaping @Sendable (_ repetition: Int) throws -> Synthetic
  ) {
    self.name = name
    self.isBaseline = isBaseline
    self.normalization = normalization
    self.set = set
  }

  /// The set that a manifest or a wire describes: its own normalisation and formation; labels in the order of
  /// `classNames`.
  ///
  /// Throws where its classes are not those of the test set, or its images of another shape.
  public init(
    _ training: TrainingImages, testedOn test: ClassStore, testName: String, fallback: Normalization?
  ) throws(DataError) {
    var info = training.info
    info.shape = Array(training.images.shape.dropFirst())
    let shape = [test.shape.channels, test.shape.height, test.shape.width]
    try checkComparable(
      info,
      with: DatasetInfo(name: testName, classNames: test.classNames, shape: shape, spectrogram: test.spectrogram))
    if let stated = info.normalization {
      guard stated.mean.count == shape[0], stated.std.count == shape[0], stated.std.allSatisfy({ $0 > 0 }) else {
        throw DataError(
          .badInput, at: [info.name],
          "its normalisation has means \(stated.mean) and deviations \(stated.std), where \(shape[0]) channels need as "
            + "many of each, and deviations above 0",
          remedy:
            "correct mean and std in its manifest, or leave them out: those of the real training data are taken then")
      }
    }
    guard
      let normalization = info.normalization ?? fallback
    else {
      throw DataError(
        .badInput, at: [info.name], "it does not say how to normalise its images",
        remedy: "give the real training data with --real")
    }
    let formation = info.formation ?? Formation(factor: 1)
    try formation.check(against: shape, at: [info.name])
    let order = info.classNames.map { name in test.classNames.firstIndex(of: name) ?? 0 }
    let labels = training.labels.map { order[$0] }
    var soft = training.softLabels
    if let rows = soft {
      let back = test.classNames.map { name in info.classNames.firstIndex(of: name) ?? 0 }
      do {
        soft = try rows.indexed(by: Tensor(integers: back, shape: [back.count]), axis: 1)
        if info.labelKind == .logit { soft = try soft?.softmax(axis: 1) }
      } catch {
        throw DataError(.badInput, at: [info.name], "its soft labels cannot be used: \(error)")
      }
    }
    let targets = soft
    let images = training.images
    let method = info.provenance.making?.options["method"]
    self.init(name: method ?? info.name, normalization: normalization) { _ in
      Synthetic(images: images, labels: labels, formation: formation, softLabels: targets)
    }
  }
}

/// Throws where a set cannot be evaluated on that test data, as far as both descriptions tell.
///
/// Descriptions are known before any sample is read.
public func checkComparable(_ info: DatasetInfo, with test: DatasetInfo) throws(DataError) {
  let missing = info.classNames.filter { !test.classNames.contains($0) }
  guard missing.isEmpty, Set(info.classNames).count == test.classNames.count else {
    throw DataError(
      .badInput, at: [info.name],
      "its classes (\(info.classNames.joined(separator: ", "))) are not those of \(test.name) "
        + "(\(test.classNames.joined(separator: ", ")))",
      remedy: "choose the same classes on both sides with --classes")
  }
  guard info.spectrogram == test.spectrogram else {
    throw DataError(
      .badInput, at: [info.name],
      "its samples are \(samplesText(info)), and those of \(test.name) are \(samplesText(test))",
      remedy: "make both from clips of one sample rate, in the same way")
  }
  guard info.kind == .samples else {
    throw DataError(.badInput, at: [info.name], "holds latents, not images", remedy: "decode them first")
  }
  guard let found = info.shape, let expected = test.shape, found != expected else { return }
  throw DataError(
    .badInput, at: [info.name],
    "its images are \(shapeText(found)) (C×H×W), "
      + "those of \(test.name) are \(shapeText(expected))",
    remedy: found.first == expected.first
      ? "give both one size with --resize" : "test it on images with as many channels as it has")
}

private func samplesText(_ info: DatasetInfo) -> String {
  guard let sound = info.spectrogram else { return "images" }
  return "spectrograms of \(grouped(sound.sampleRate)) Hz (n_fft \(sound.nFft), hop \(sound.hopLength), \(sound.value))"
}

/// Throws where real images cannot be baselines on that test data, as far as both descriptions tell.
public func checkBaselines(from real: DatasetInfo, testedOn test: DatasetInfo) throws(DataError) {
  let isSameShape = real.shape == nil || test.shape == nil || real.shape == test.shape
  guard real.classNames != test.classNames || !isSameShape || real.spectrogram != test.spectrogram else { return }
  func described(_ info: DatasetInfo) -> String {
    let shape = info.shape.map(shapeText) ?? "of several sizes"
    let kind = info.spectrogram == nil ? "" : "\(samplesText(info)), "
    return "\(kind)\(shape) of \(info.classNames.joined(separator: ", "))"
  }
  throw DataError(
    .badInput, at: ["real training data"],
    "its images are \(described(real)), and those of the test split are \(described(test))",
    remedy: "give --real the archive that --test belongs to, or one size and the same classes for both")
}
