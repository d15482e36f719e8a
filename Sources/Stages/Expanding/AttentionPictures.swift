public import Datasets
import Methods
import Networks
import Shards
public import Streaming
import Tensors

/// The first images of every class, each followed by a picture of the attention that its patches receive.
///
/// What each patch receives is averaged over the slots and stretched, image by image, from the least (blue) to the most (red). The
/// images are normalised as their description says, or else by mean and deviation of those that are drawn.
public final class AttentionPictures: SampleSource {
  /// What the pictures are: the images' description, with twice as many of each class.
  public let info: DatasetInfo
  private var rest: ArraySlice<Sample>

  /// Reads `perClass` samples of each class and computes their pictures on `thread`.
  ///
  /// Throws where the images are not of the shape that the model takes.
  public init(
    of source: any SampleSource, perClass: Int, model file: ExpansionModelFile, on thread: BlockingThread
  ) async throws {
    var info = source.info
    guard info.kind == .samples else {
      throw DataError(.badInput, at: [info.name], "holds latents, which show nothing", remedy: "decode them first")
    }
    var taken = Array(repeating: 0, count: info.classNames.count)
    var samples: [Sample] = []
    while let sample = try source.next() {
      guard taken[sample.label] < perClass else { continue }
      taken[sample.label] += 1
      samples.append(sample)
      if taken.allSatisfy({ $0 == perClass }) { break }
    }
    let wanted = samples
    let normalization = info.normalization
    let name = info.name
    rest = try await thread.run { () throws in
      var images: [Pixels] = []
      for sample in wanted {
        let pixels = try sample.pixels()
        try file.check(imageShape: [pixels.channels, pixels.height, pixels.width], of: "\(name), sample \(sample.key)")
        images.append(pixels)
      }
      return try drawn(wanted, images, file.model, normalization)[...]
    }
    info.countPerClass = taken.map { 2 * $0 }
    self.info = info
  }

  /// The next image or picture.
  public func next() throws(DataError) -> Sample? { rest.popFirst() }
}

/// Images and pictures in turn.
private func drawn(
  _ samples: [Sample], _ images: [Pixels], _ model: ExpansiveModel, _ stated: Normalization?
) throws(TensorError) -> [Sample] {
  var results: [Sample] = []
  for start in stride(from: 0, to: images.count, by: 64) {
    let chunk = images[start..<min(start + 64, images.count)]
    guard let first = chunk.first else { break }
    let shape = [chunk.count, first.height, first.width, first.channels]
    let values = try Tensor(bytes: chunk.flatMap(\.bytes), shape: shape).permuted([0, 3, 1, 2]).to(.float32) / 255
    let normalized: Tensor
    if let stated, stated.mean.count == first.channels, stated.std.count == first.channels {
      normalized = try stated.normalized(values)
    } else {
      let mean = try values.mean(axes: [0, 2, 3], keepDims: true)
      normalized = try (values - mean) / (values.variance(axes: [0, 2, 3], keepDims: true).sqrt() + 1e-6)
    }
    let received = try model.attention(model.latents(normalized)).received.mean(axes: [1])
    let (rows, columns) = (received.shape[1], received.shape[2])
    let amounts = received.floats()
    for (row, image) in chunk.enumerated() {
      let sample = samples[start + row]
      results.append(Sample(key: sample.key, content: .pixels(image), label: sample.label))
      results.append(
        Sample(
          key: "\(sample.key)-attention",
          content: .pixels(
            heatMap(
              Array(amounts[(row * rows * columns)..<((row + 1) * rows * columns)]), rows: rows, columns: columns,
              height: image.height, width: image.width, side: 4 * model.attention.patch)), label: sample.label))
    }
  }
  return results
}

/// Amounts of a grid of patches as a picture of the given size, RGB.
///
/// A patch covers `side` pixels; the grid reaches over the image on all sides, as the autoencoder pads it.
private func heatMap(_ amounts: [Float], rows: Int, columns: Int, height: Int, width: Int, side: Int) -> Pixels {
  let (least, most) = (amounts.min() ?? 0, amounts.max() ?? 0)
  var bytes: [UInt8] = []
  bytes.reserveCapacity(3 * height * width)
  let (top, left) = ((rows * side - height) / 2, (columns * side - width) / 2)
  for y in 0..<height {
    for x in 0..<width {
      let amount = amounts[(y + top) / side * columns + (x + left) / side]
      bytes += heatColour(most > least ? (amount - least) / (most - least) : 0.5)
    }
  }
  return Pixels(height: height, width: width, channels: 3, bytes: bytes)
}

/// Blue at 0, green at a half, red at 1.
func heatColour(_ share: Float) -> [UInt8] {
  let red = max(0, 2 * share - 1)
  let blue = max(0, 1 - 2 * share)
  return [red, 1 - red - blue, blue].map { UInt8(($0 * 255).rounded()) }
}
