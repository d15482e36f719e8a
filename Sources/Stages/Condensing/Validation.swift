import Datasets
import Methods
import Networks
import Shards
import Streaming
import Tensors

/// How well a condensed set trains, as told by real images that were held back from the condensing.
///
/// A network is trained on the set, one on the images that it began with, and one on as many random real images of each class, under P-IDC
/// cut to a number of epochs that goes by the images: about `trainedImages` pass through it in all.
public struct Validation: Sendable {
  /// What is asked for.
  public struct Request: Sendable, Equatable {
    /// The share of each class that is held back, from 0 to 1.
    public var share: Double
    /// Steps after which the set is tried again and again; nil for once, at the end.
    public var every: Int?

    /// The options as they would be typed.
    var recorded: [String: String] {
      var options = ["validate": "\(share)"]
      options["validate-every"] = every.map { String($0) }
      return options
    }

    /// A request; see the properties.
    public init(share: Double, every: Int? = nil) {
      (self.share, self.every) = (share, every)
    }
  }

  /// Real images without those that are held back.
  let training: ClassStore
  /// Classes that are made and have a single sample, so that none is held back.
  let untried: [String]
  private let heldBack: ClassStore
  private let seed: UInt64
  private let network: NetworkChoice
  private let counts: [Int]
  private let request: Request

  /// Images that a network is trained on, with repetition.
  private static let trainedImages = 160_000
  /// Epochs of P-IDC at most, which has 1,000.
  private static let mostEpochs = 400

  /// - Parameters:
  ///   - counts: images of each class that are made.
  init(
    _ request: Request, of store: ClassStore, seed: UInt64, network: NetworkChoice, counts: [Int]
  ) throws(DataError) {
    (training, heldBack) = try store.divided(holdingBack: request.share, seed: seed) { counts[$0] > 0 }
    untried = counts.indices.filter { counts[$0] > 0 && store.count(ofClass: $0) == 1 }.map { store.classNames[$0] }
    (self.request, self.seed, self.network, self.counts) = (request, seed, network, counts)
  }

  /// The protocol for a set of so many training images.
  private func recipe(formed: Int) -> TrainingProtocol {
    var recipe = TrainingProtocol.idc(flip: training.keepsClassesMirrored)
    if training.isSpectrogram { recipe = recipe.withoutAugmentation }
    recipe.epochs = min(Self.mostEpochs, max(50, Self.trainedImages / max(1, formed)))
    return recipe
  }

  /// Seconds that it takes, where a forward pass of the network reaches `rate` operations a second.
  ///
  /// - Parameter learns: whether the first images are tried, too.
  func seconds(of architecture: Architecture, tiles: Int, learns: Bool, atRate rate: Double) -> Double {
    let stored = counts.reduce(0, +)
    let sets = [stored * tiles, stored] + (learns ? [stored * tiles] : [])
    return sets.reduce(0) { sum, images in
      sum
        + Work.training(network: architecture, images: images, passes: recipe(formed: images).passes)
        .trainingSeconds(atRate: rate)
    } + Double(sets.count) * architecture.operations * Double(heldBack.count) / rate
  }

  /// Whether a set is tried after so many steps.
  func isDue(afterStep step: Int) -> Bool { request.every.map { step.isMultiple(of: $0) } ?? false }

  /// The share of right answers of a network that was trained on the set, on the compute thread; nil where it was stopped.
  func accuracy(
    of set: Synthetic, named name: String, isBaseline: Bool = false, normalization: Normalization,
    in context: RunContext
  ) throws -> Double? {
    let recipe = recipe(formed: set.labels.count * set.formation.multiplicity)
    let contestant = Contestant(name: name, isBaseline: isBaseline, normalization: normalization) { _ in set }
    return try evaluate(
      contestant, on: heldBack, network: network,
      request: EvaluationRequest(recipe: recipe, repeats: 1, seed: seed, networks: [network]), in: context
    ).accuracies.first
  }

  /// The final set beside its first images and random ones; nil where it was stopped.
  func result(
    of made: Condensation, named name: String, normalization: Normalization, in context: RunContext
  ) throws -> ValidationResult? {
    guard
      let accuracy = try accuracy(of: made.synthetic, named: name, normalization: normalization, in: context)
    else { return nil }
    var first: Double?
    if let initial = made.initial, made.steps > 0 {
      first = try self.accuracy(
        of: initial, named: EvaluationResult.initialImages, isBaseline: true, normalization: normalization,
        in: context)
      if first == nil { return nil }
    }
    let random = try RandomSelection.select(
      from: training, counts: counts, using: RandomSource(seed: seed).split("random baseline", 0)
    ).synthetic
    guard
      let baseline = try self.accuracy(
        of: random, named: RandomSelection.name, isBaseline: true, normalization: normalization, in: context)
    else { return nil }
    return ValidationResult(accuracy: accuracy, initial: first, random: baseline, images: heldBack.count)
  }
}

/// The share of right answers on images that were held back.
public struct ValidationResult: Sendable, Equatable {
  /// Of a network trained on the set.
  public var accuracy: Double
  /// Of one trained on the images that the set began with; nil where no images are learned.
  public var initial: Double?
  /// Of one trained on as many random real images.
  public var random: Double
  /// Images that were held back.
  public var images: Int

  /// As a history keeps it.
  var recorded: [String: Double] {
    var results = ["accuracy": accuracy, "random-accuracy": random, "held-out-images": Double(images)]
    results["initial-accuracy"] = initial
    return results
  }
}
