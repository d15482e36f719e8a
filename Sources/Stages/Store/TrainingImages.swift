public import Datasets
public import Streaming
public import Tensors

/// A whole labelled set as one tensor: what a classifier is trained on.
public struct TrainingImages: Sendable {
  /// What the set says of itself.
  public let info: DatasetInfo
  /// float32 n×C×H×W, un-normalised, as stored: before any formation.
  public let images: Tensor
  /// One key per image.
  public let keys: [String]
  /// One class index per image.
  public let labels: [Int]
  /// float32 n×classes, where the set has soft labels.
  public let softLabels: Tensor?

  /// Reads a source to its end; see `TrainingImagesBuilder`.
  public init(reading source: any SampleSource, limits: Limits = Limits()) throws(DataError) {
    var builder = TrainingImagesBuilder(info: source.info, limits: limits)
    while let sample = try source.next() { try builder.add(sample) }
    self = try builder.finish(info: source.info)
  }

  fileprivate init(info: DatasetInfo, images: Tensor, keys: [String], labels: [Int], softLabels: Tensor?) {
    self.info = info
    self.images = images
    self.keys = keys
    self.labels = labels
    self.softLabels = softLabels
  }

  /// Samples per class in index order.
  public var countPerClass: [Int] {
    labels.reduce(into: Array(repeating: 0, count: info.classNames.count)) { $0[$1] += 1 }
  }
}

/// Collects a labelled set, sample by sample: float samples as they are, 8-bit ones divided by 255.
public struct TrainingImagesBuilder {
  private let info: DatasetInfo
  private let limits: Limits
  private var shape: [Int]?
  private var values: [Float] = []
  private var keys: [String] = []
  private var labels: [Int] = []
  private var soft: [Float] = []

  /// Begins a set that `info` describes.
  public init(info: DatasetInfo, limits: Limits = Limits()) {
    self.info = info
    self.limits = limits
  }

  /// Takes the next sample.
  ///
  /// - Throws: `DataError` where its image differs in size from those before, or its label is none of the classes.
  public mutating func add(_ sample: Sample) throws(DataError) {
    let array = try sample.unitFloats(limits: limits)
    if let shape, shape != array.shape {
      throw DataError(
        .badInput, at: [info.name, "sample \(sample.key)"],
        "expected an image of \(shape) like those before, found \(array.shape)", remedy: "give one size with --resize"
      )
    }
    guard info.classNames.indices.contains(sample.label) else {
      throw DataError(
        .badInput, at: [info.name, "sample \(sample.key)"],
        "label \(sample.label) is outside of the \(info.classNames.count) classes",
        remedy: "correct the label, or name all classes")
    }
    shape = array.shape
    values += array.values
    keys.append(sample.key)
    labels.append(sample.label)
    guard let label = sample.softLabel else { return }
    guard label.count == info.classNames.count else {
      throw DataError(
        .badInput, at: [info.name, "sample \(sample.key)"],
        "expected a soft label of \(info.classNames.count) values, found \(label.count)",
        remedy: "write one value for each class, in their order")
    }
    guard label.allSatisfy(\.isFinite) else {
      throw DataError(
        .badInput, at: [info.name, "sample \(sample.key)"], "a soft label with a number that is not finite",
        remedy: "correct it, or take the sample out")
    }
    soft += label
  }

  /// The set; `info` is its description after the last sample: a stream tells normalisation and formation at its end.
  ///
  /// - Throws: `DataError` where there are no samples, or where some lack a soft label that others have.
  public func finish(info: DatasetInfo) throws(DataError) -> TrainingImages {
    guard let shape else {
      throw DataError(.badInput, at: [info.name], "the set holds no samples", remedy: "evaluate a set that has some")
    }
    guard shape.count == 3 else {
      throw DataError(
        .badInput, at: [info.name], "expected images of three axes (C×H×W), found arrays of shape \(shape)",
        remedy: "decode latents to images first")
    }
    guard soft.isEmpty || soft.count == labels.count * info.classNames.count else {
      throw DataError(
        .badInput, at: [info.name], "some samples have a soft label and others have none",
        remedy: "give every sample one, or none at all")
    }
    return TrainingImages(
      info: info, images: Tensor(values, shape: [labels.count] + shape), keys: keys, labels: labels,
      softLabels: soft.isEmpty ? nil : Tensor(soft, shape: [labels.count, info.classNames.count]))
  }
}

/// The whole upstream as a set to train on, before its final description is known.
///
/// - Parameter name: the stage, for errors and progress.
public func collectedTraining(
  from upstream: Flow<Sample>, of info: DatasetInfo, stage name: String, in context: RunContext
) async throws(PipelineError) -> TrainingImagesBuilder {
  var builder = TrainingImagesBuilder(info: info, limits: context.limits)
  var done = 0
  for try await sample in upstream {
    do throws(DataError) {
      try builder.add(sample)
    } catch {
      throw PipelineError(stage: name, sampleKey: sample.key, underlying: error)
    }
    done += 1
    if done.isMultiple(of: 100) {
      context.progress(
        ProgressEvent(stage: name, done: done, total: info.countPerClass?.reduce(0, +), unit: "samples"))
    }
  }
  return builder
}

extension Sample {
  /// The image as C×H×W floats, 1 = white.
  func unitFloats(limits: Limits) throws(DataError) -> FloatArray {
    if case .floats(let array) = content { return array }
    return try pixels(limits: limits).unitFloats
  }
}
