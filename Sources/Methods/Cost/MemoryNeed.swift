public import Datasets
public import Networks
internal import Tensors

/// Memory that a run takes beside the decoded real images, in bytes, by what it is for.
///
/// Estimated from shapes alone, so that what cannot fit is refused before anything is computed. Not in integers, because
/// what is asked for may be more than they hold.
public struct MemoryNeed: Sendable, Equatable {
  /// The tensor library and the program: with Debian's library 185 MiB are resident before anything is computed, and threads and
  /// first uses take the rest.
  public var library = Self.ofLibrary
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
    /// Training networks on the real images.
    case training
    /// Training classifiers on a set that is there already.
    case evaluating
    /// Fitting a model of latents, with a map from the samples of each class to its images.
    case fitting
    /// Fitting a model to samples, and making more of them.
    case expanding
    /// Sending a stream through a model of latents that is there already.
    case passing
  }

  /// As much beside what is resident after loading, of a library that takes more than Debian's.
  private static let ofLibrary: Double = {
    let (usual, loaded) = (250 << 20, Runtime.residentAtLoad)
    return Double(loaded > 300 << 20 ? loaded + (65 << 20) : usual)
  }()

  /// The program alone.
  public init(for purpose: Purpose = .making) { self.purpose = purpose }

  /// All of it.
  public var total: Double { library + weights + maps + embeddings + images }

  /// What training a network takes: batches in chunks of 64 images that keep their maps; whole ones of 256 where it goes by the batch.
  ///
  /// `images` are the stored ones, of which each gives `tiles` training images.
  public static func training(
    _ network: Architecture, images: Int, tiles: Int = 1, for purpose: Purpose = .evaluating
  ) -> MemoryNeed {
    var need = MemoryNeed(for: purpose)
    // Weights, gradients, their sum over chunks, momentum, the new weights; twice what is being drawn.
    need.weights = 4 * (6 * network.weightCount + 2 * network.largestWeightCount)
    need.maps = network.mapBytesWithGradient(images: network.usesBatchStatistics ? 256 : 64)
    need.images = 4 * 3 * network.input.values * Double(images) * Double(tiles)
    return need
  }

  /// What it takes to train networks on real images in batches, and to keep all of their snapshots.
  public static func training(_ recipe: TrajectoryRecipe, for purpose: Purpose = .training) -> MemoryNeed {
    let (network, batch) = (recipe.network, recipe.training.batchSize)
    // A batch is read, normalised, augmented and mixed.
    var need = training(network, images: 2 * batch, for: purpose)
    // A network that goes by the batch sees it whole, and the library then keeps copies in another memory order.
    let together = network.usesBatchStatistics ? 1.4 * Double(batch) : Double(min(batch, 64))
    need.maps = (network.keptMapBytes + 2 * network.largestMapBytes) * together
    need.weights += 4 * network.weightCount * Double(recipe.training.networks * (recipe.training.epochs + 1))
    return need
  }

  /// What is needed where the other happens before or after it: of each part the larger.
  public func covering(_ other: MemoryNeed) -> MemoryNeed {
    var both = self
    for part in [\MemoryNeed.library, \.weights, \.maps, \.embeddings, \.images] {
      both[keyPath: part] = max(both[keyPath: part], other[keyPath: part])
    }
    return both
  }

  /// What evaluating a set takes: the stored images beside classifiers that are trained on their tiles.
  ///
  /// With `baselines`, the images of the largest real class, it is also what selecting some of those takes; one happens
  /// after the other.
  public static func evaluating(
    _ network: Architecture, images: Int, tiles: Int, baselines largestClass: Double? = nil
  ) -> MemoryNeed {
    var need = training(network, images: images, tiles: tiles)
    need.images += 4 * network.input.values * Double(images)
    guard let largestClass else { return need }
    let features = selecting(network, largestClass: largestClass)
    need.embeddings = features.embeddings
    need.images = max(need.images, features.images + 4 * 3 * network.input.values * Double(images))
    return need
  }

  /// A network is trained first; then every image of a class is embedded, and the embeddings are centred.
  static func selecting(_ network: Architecture, largestClass: Double) -> MemoryNeed {
    var need = MemoryNeed.training(network, images: 256, for: .selecting)
    need.embeddings = 4 * 3 * largestClass * Double(network.featureCount)
    return need
  }

  /// What making copies takes: 64 at a time, beside their sources and those that they are compared with.
  public static func copying(_ shape: ImageShape) -> MemoryNeed {
    var need = MemoryNeed(for: .expanding)
    need.images = 4 * 6 * 64 * Double(shape.channels) * Double(shape.height) * Double(shape.width)
    return need
  }
}

func weightCount(_ shapes: [[Int]]) -> Double { shapes.reduce(0) { $0 + $1.reduce(1) { $0 * Double($1) } } }

extension Architecture {
  /// A pass that keeps nothing: input, output and one more of the largest maps.
  func mapBytes(images: Double) -> Double { 3 * largestMapBytes * images }

  /// A pass whose maps wait for the gradient.
  func mapBytesWithGradient(images: Double) -> Double {
    keptMapBytes * images + 2 * largestMapBytes * min(64, images)
  }
}
