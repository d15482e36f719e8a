public import Datasets
import Foundation
public import Methods
public import Networks

/// Memory that a run takes beside the decoded real images, in bytes, by what it is for.
///
/// Reckoned from shapes alone, so that what cannot fit is refused before anything is computed. Not in integers, because
/// what is asked for may be more than they hold.
public struct MemoryNeed: Sendable, Equatable {
  /// The tensor library and the program.
  public var library = Double(350 << 20)
  /// Weights, with what drawing or training them takes beside.
  public var weights = 0.0
  /// Maps between the layers of a network.
  public var maps = 0.0
  /// Embeddings, and kernel values between them.
  public var embeddings = 0.0
  /// Images that are made or trained on, with their gradients, momentum and copies.
  public var images = 0.0
  /// What is done with it all, which decides what asks for less.
  public var purpose: Purpose

  /// What memory is needed for.
  public enum Purpose: Sendable {
    /// Making images.
    case making
    /// Selecting images by their features.
    case selecting
    /// Training classifiers on a set that is there already.
    case judging
    /// Fitting a model of latents, with a map from the samples of each class to its images.
    case fitting
    /// Fitting a model to samples, and making more of them.
    case expanding
    /// Sending a stream through a model of latents that is there already.
    case passing

    fileprivate var images: (what: String, remedy: String) {
      switch self {
      case .making: ("the images to be made", "lower --ipc")
      case .selecting: ("the images to be selected", "lower --ipc")
      case .judging: ("the images to be trained on", "judge a smaller set, or smaller images with --resize")
      case .fitting: ("the maps from samples to images", "lower --ipc")
      case .expanding: ("the images to be made", "take smaller images with --resize")
      case .passing: ("the samples of a chunk", "lower \(options)")
      }
    }
    fileprivate var lessMaps: String {
      switch self {
      case .making: "lower --width, --factor or --ipc"
      case .selecting, .judging: "lower --width"
      case .fitting: "lower --width, or take smaller images with --resize"
      case .expanding: "lower --batch, or take smaller images with --resize"
      case .passing: "lower \(options)"
      }
    }
    fileprivate var lessWeights: String {
      switch self {
      case .making, .selecting, .judging: "lower --width or --depth"
      case .fitting: "lower --latent or --width"
      case .expanding: "take smaller images with --resize"
      case .passing: "lower \(options)"
      }
    }
    fileprivate var lessEmbeddings: String {
      switch self {
      case .making: "lower --ipc or --width"
      case .selecting: "lower --width"
      case .judging: "lower --width, or leave --baselines out"
      case .fitting: "lower --latent, or choose fewer classes with --classes"
      case .expanding: "lower --batch"
      case .passing: "lower \(options)"
      }
    }
    /// Options of which less takes less memory.
    var options: String {
      switch self {
      case .making: "--width, --batch, --ipc, --factor or --memory"
      case .selecting: "--width, --ipc or --memory"
      case .judging: "--width or --memory"
      case .fitting: "--latent, --ipc or --memory"
      case .expanding: "--batch or --memory"
      // How large a chunk is was decided with the model.
      case .passing: "the --latent that pipe fit makes the model with"
      }
    }
  }

  /// The program alone.
  public init(for purpose: Purpose = .making) { self.purpose = purpose }

  /// All of it.
  public var total: Double { library + weights + maps + embeddings + images }

  /// What training a network takes: a ConvNet on batches, each in chunks of 64 images that keep their maps.
  ///
  /// `images` are the stored ones, of which each gives `tiles` training images.
  public static func training(
    _ network: ConvNetOptions, images: Int, tiles: Int = 1, for purpose: Purpose = .judging
  ) -> MemoryNeed {
    var need = MemoryNeed(for: purpose)
    // Weights, gradients, their sum over chunks, momentum, the new weights; twice what is being drawn.
    need.weights = 4 * (6 * network.weightCount + 2 * network.largestWeightCount)
    need.maps = network.mapBytesWithGradient(images: 64)
    need.images = 4 * 3 * network.pixelCount * Double(images) * Double(tiles)
    return need
  }

  /// What judging a set takes: the stored images beside classifiers that are trained on their tiles.
  ///
  /// With `baselines`, the images of the largest real class, it is also what selecting some of those takes; one happens
  /// after the other.
  public static func judging(
    _ network: ConvNetOptions, images: Int, tiles: Int, baselines largestClass: Double? = nil
  ) -> MemoryNeed {
    var need = training(network, images: images, tiles: tiles)
    need.images += 4 * network.pixelCount * Double(images)
    guard let largestClass else { return need }
    let features = selecting(network, largestClass: largestClass)
    need.embeddings = features.embeddings
    need.images = max(need.images, features.images + 4 * 3 * network.pixelCount * Double(images))
    return need
  }

  /// A network is trained first; then every image of a class is embedded, and the embeddings are centred.
  fileprivate static func selecting(_ network: ConvNetOptions, largestClass: Double) -> MemoryNeed {
    var need = MemoryNeed.training(network, images: 256, for: .selecting)
    need.embeddings = 4 * 3 * largestClass * Double(network.featureCount)
    return need
  }

  /// What fitting Koopcon takes: `made` images of each class, from `samples` real ones.
  static func fitting(_ options: Koopcon.Options, made: [Int], of samples: [Int]) -> MemoryNeed {
    var need = MemoryNeed.training(options.network, images: 0, for: .fitting)
    let coding = options.autoencoder
    let width = Double(coding.latent)
    let (real, most) = (samples.reduce(0) { $0 + Double($1) }, Double(made.max() ?? 0))
    // Of each learned number: itself, its gradient, two moments, and what is new of them.
    need.weights += 4 * 7 * (weightCount(coding.parameterShapes.map(\.shape)) + 4 * width * width)
    // Chunks of 64 images there and back through the autoencoder, and from there through the classifier.
    need.maps += 4 * 2 * coding.mapValues * 64
    // Latents as they are and as they were attended to, and both once more while they are computed anew.
    need.embeddings = 4 * 4 * width * real
    // Every class is compared with its target at once.
    need.embeddings += 4 * 3 * Double(options.transportSample) * made.reduce(0) { $0 + Double($1) }
    need.images = 4 * 7 * zip(made, samples).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    let pixels = options.network.pixelCount
    // A batch of every class; the real and the condensed images of one class, whose features are compared.
    need.images += 4 * 4 * pixels * (Double(max(options.batch, samples.count)) + Double(options.matchingSample) + most)
    // For every condensed image what transport assigns to it, and a gradient.
    need.images += 4 * 2 * pixels * made.reduce(0) { $0 + Double($1) }
    return need
  }

  /// What making copies takes: 64 at a time, beside their sources and those that they are compared with.
  public static func copying(_ shape: (channels: Int, height: Int, width: Int)) -> MemoryNeed {
    var need = MemoryNeed(for: .expanding)
    need.images = 4 * 6 * 64 * Double(shape.channels) * Double(shape.height) * Double(shape.width)
    return need
  }

  /// What learning with Expansive Synthesis takes: a step on so many images with gradients, and chunks of 128 without when images are made.
  public static func expanding(_ options: ExpansiveSynthesis.Options, images: Int) -> MemoryNeed {
    let shape = options.autoencoder
    var need = copying((shape.channels, shape.height, shape.width))
    need.weights = 4 * 7 * weightCount(shape.weightShapes.map(\.shape))
    // Slots of maps through attention and graph, and who looks at whom.
    let (rows, columns) = (Double(shape.mapHeight), Double(shape.mapWidth))
    let refined = Double((options.slots + 4) * shape.maps) * rows * columns
    let side = Double(options.patch)
    let patches = rows * columns / (side * side)
    let looks =
      options.setting.kind == .rowWise
      ? Double(shape.maps) * patches * columns / side
      : Double(options.setting.isMultiHead ? options.slots : 1) * patches * patches
    need.maps = 4 * max((2 * shape.mapValues + 8 * refined + 4 * looks) * Double(images), (refined + 2 * looks) * 128)
    return need
  }

  /// What `ulimit -v` leaves for a need: libraries are loaded already, and every thread takes a stack and a buffer of the
  /// matrix library, which waits for ever where it is not given one.
  ///
  /// What a thread takes is an estimate. Call it when the library is configured and before anything is computed.
  public static func addressable(threads: Int) -> Int {
    guard let limit = MachineMemory.addressLimit else { return .max }
    let beside = MachineMemory.addressesUsed - Int(MemoryNeed().library) + threads * (64 << 20)
    return max(0, limit - beside)
  }

  /// Throws where this and `decoded` bytes of real images are more than the machine has.
  public func check(decoded: Int, machine: Int, dataset: String) throws(DataError) {
    let whole = total + Double(decoded)
    guard whole > Double(machine) else { return }
    let parts = [
      (weights, "the network's weights", purpose.lessWeights),
      (maps, "the maps of a network", purpose.lessMaps), (embeddings, "embeddings", purpose.lessEmbeddings),
      (images, purpose.images.what, purpose.images.remedy),
      (Double(decoded), "decoded images", "lower --memory, and they go to a temporary file"),
      (library, "the program itself", "take a machine with more"),
    ]
    guard let (bytes, what, remedy) = parts.max(by: { $0.0 < $1.0 }) else { return }
    if let limit = MachineMemory.addressLimit, machine < MachineMemory.resident {
      let wanted = (limit - machine) + Int(min(whole, 1e15))
      throw DataError(
        .usage, at: [dataset],
        "this takes about \(gibibytes(whole)) of memory, and the limit of \(limit >> 10) kB on addresses leaves "
          + gibibytes(Double(machine)),
        remedy: "raise it with ulimit -v \((wanted >> 10) + 1)" + (bytes == library ? "" : ", or \(remedy)"))
    }
    throw DataError(
      .usage, at: [dataset],
      "this takes about \(gibibytes(whole)) of memory, \(gibibytes(bytes)) of it for \(what), and there are "
        + gibibytes(Double(machine)), remedy: remedy)
  }

  private func gibibytes(_ bytes: Double) -> String {
    let amount = bytes / Double(1 << 30)
    return amount < 100 ? String(format: "%.1f GiB", amount) : String(format: "%.0f GiB", amount)
  }
}

extension CondenseRequest {
  /// What carrying out the request takes, by any method but Koopcon; `network` is nil for Random.
  ///
  /// - Parameters:
  ///   - counts: images to make of each class.
  ///   - largestClass: real images of the largest class.
  func memoryNeed(
    shape: (channels: Int, height: Int, width: Int), counts: [Int], network: ConvNetOptions?, largestClass: Int
  ) -> MemoryNeed {
    let pixels = Double(shape.channels) * Double(shape.height) * Double(shape.width)
    let images = counts.reduce(0) { $0 + Double($1) }
    let most = Double(counts.max() ?? 0)
    guard let network else {
      var need = MemoryNeed(for: .selecting)
      need.images = 11 * pixels * images
      return need
    }
    guard let matching = CondensePlan.Matching(self, network: network, isGrey: shape.channels == 1) else {
      var need = MemoryNeed.selecting(network, largestClass: Double(largestClass))
      need.images += 11 * pixels * images
      return need
    }
    let tiles = Double(matching.common.formation.multiplicity)
    let batch = Double(min(matching.common.realBatch, largestClass))
    var need = MemoryNeed()
    // The old network and the new one, and twice what is being drawn.
    need.weights = 4 * (2 * network.weightCount + 2 * network.largestWeightCount)
    need.maps = network.mapBytes(images: 64) + network.mapBytesWithGradient(images: most * tiles)
    let rows = batch + most * tiles
    need.embeddings = 4 * 3 * rows * Double(network.featureCount) + matching.kernelValues(rows: rows) * 4
    // Images, where they began, momentum, gradient, new images, and three forms of the result.
    need.images = 4 * pixels * (8 * images + 4 * rows)
    return need
  }

  /// Throws where the described data cannot be condensed with the machine's memory; nothing where its size is not known yet.
  ///
  /// `memoryLimit` bounds decoded images in RAM.
  public func checkMemory(for info: DatasetInfo, memoryLimit: Int, machine: Int) throws(DataError) {
    guard let shape = info.shape, shape.count == 3 else { return }
    let size = (channels: shape[0], height: shape[1], width: shape[2])
    var counts = try budget.counts(classNames: info.classNames, dataset: info.name)
    // Some methods make no more images than there are; where that is not known yet, it is said once they are counted.
    if method.isBoundBySamples, info.countPerClass == nil { counts = counts.map { _ in 0 } }
    let need: MemoryNeed
    if method == .koopcon {
      need = .fitting(
        try koopconOptions(shape: size, classes: counts.count, of: info.name), made: counts,
        of: info.countPerClass ?? counts.map { _ in 0 })
    } else {
      let chosen = method == .random ? nil : try network.options(shape: size, classes: counts.count, of: info.name)
      need = memoryNeed(shape: size, counts: counts, network: chosen, largestClass: info.countPerClass?.max() ?? 0)
    }
    // A description may come from elsewhere and say anything.
    let decoded = (info.countPerClass ?? []).reduce(0) { $0 + Double($1) } * shape.reduce(1) { $0 * Double($1) }
    try need.check(decoded: Int(min(decoded, Double(memoryLimit))), machine: machine, dataset: info.name)
  }
}

private func weightCount(_ shapes: [[Int]]) -> Double { shapes.reduce(0) { $0 + $1.reduce(1) { $0 * Double($1) } } }

extension ConvNetOptions {
  fileprivate var pixelCount: Double { Double(channels) * Double(height) * Double(width) }

  fileprivate var weightCount: Double { Stages.weightCount(parameterShapes) }

  fileprivate var largestWeightCount: Double {
    parameterShapes.map { $0.reduce(1) { $0 * Double($1) } }.max() ?? 0
  }

  /// Values that each convolution makes of one image.
  private var mapSizes: [Double] {
    let (rows, columns) = (height + 2 * firstPadding - 2, width + 2 * firstPadding - 2)
    return (0..<depth).map { Double(filters) * Double(rows >> $0) * Double(columns >> $0) }
  }

  private var bytesPerValue: Double { precision == .bfloat16 ? 2 : 4 }

  /// A pass that keeps nothing: input, output and one more of the largest maps.
  fileprivate func mapBytes(images: Double) -> Double { 3 * (mapSizes.max() ?? 0) * bytesPerValue * images }

  /// A pass whose maps wait for the gradient: what every convolution makes, and a quarter of it after pooling.
  fileprivate func mapBytesWithGradient(images: Double) -> Double {
    (1.25 * mapSizes.reduce(0, +) * images + 2 * (mapSizes.max() ?? 0) * min(64, images)) * bytesPerValue
  }
}
