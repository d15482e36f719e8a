public import Datasets
public import Tensors

/// A whole labelled set as one tensor: what a classifier is trained on.
public struct TrainingImages: Sendable {
  /// What the set says of itself.
  public let info: DatasetInfo
  /// float32 n×C×H×W, un-normalised, as stored: before any formation.
  public let images: Tensor
  /// One class index per image.
  public let labels: [Int]
  /// float32 n×classes, where the set has soft labels.
  public let softLabels: Tensor?

  /// Reads a source to its end; float samples as they are, 8-bit ones divided by 255.
  ///
  /// Throws where the images differ in size, where some lack a soft label that others have, or where there are none.
  public init(reading source: any SampleSource, limits: Limits = Limits()) throws(DataError) {
    let info = source.info
    var shape: [Int]?
    var values: [Float] = []
    var labels: [Int] = []
    var soft: [Float] = []
    while let sample = try source.next() {
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
      labels.append(sample.label)
      if let label = sample.softLabel {
        guard label.count == info.classNames.count else {
          throw DataError(
            .badInput, at: [info.name, "sample \(sample.key)"],
            "expected a soft label of \(info.classNames.count) values, found \(label.count)",
            remedy: "write one value for each class, in their order")
        }
        soft += label
      }
    }
    guard let shape else {
      throw DataError(.badInput, at: [info.name], "the set holds no samples", remedy: "judge a set that has some")
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
    // A stream tells normalisation and formation at its end.
    self.info = source.info
    images = Tensor(values, shape: [labels.count] + shape)
    self.labels = labels
    softLabels = soft.isEmpty ? nil : Tensor(soft, shape: [labels.count, info.classNames.count])
  }

  /// Samples per class in index order.
  public var countPerClass: [Int] {
    labels.reduce(into: Array(repeating: 0, count: info.classNames.count)) { $0[$1] += 1 }
  }
}

extension Sample {
  /// The image as C×H×W floats, 1 = white.
  func unitFloats(limits: Limits) throws(DataError) -> FloatArray {
    if case .floats(let array) = content { return array }
    let pixels = try pixels(limits: limits)
    let (channels, area) = (pixels.channels, pixels.height * pixels.width)
    let values = [Float](unsafeUninitializedCapacity: channels * area) { buffer, count in
      for channel in 0..<channels {
        for position in 0..<area {
          buffer[channel * area + position] = Float(pixels.bytes[position * channels + channel]) / 255
        }
      }
      count = channels * area
    }
    return FloatArray(shape: [channels, pixels.height, pixels.width], values: values)
  }
}
