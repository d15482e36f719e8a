import Datasets
import Methods
import Networks
import TensorTurn
import Testing

@testable import Tensors

/// Whole steps with the library's operations, as every device but the processor takes them, beside our kernels.
@Suite(.serialized, .takesTurns)
struct LibraryOperationsTests {
  private let toy = Toy(counts: [20, 20])

  /// Wide enough for every kernel of our own.
  private func network(_ precision: Precision) -> Architecture {
    known {
      try .convNet(
        ImageShape(channels: 3, height: 8, width: 8), classes: 2, filters: 64, depth: 2, precision: precision)
    }
  }

  /// Largest difference as a share of the largest change of `start`.
  private func distance(_ a: Tensor, _ b: Tensor, from start: Tensor) throws -> Double {
    try (a - b).abs().max().item / (a - start).abs().max().item
  }

  private func condensed(
    _ isM3D: Bool, steps: Int, _ precision: Precision, stepsPerNetwork: Int = 5
  ) throws -> Tensor {
    let normalization = Normalization.measured(on: toy)
    let random = RandomSource(seed: 5)
    if isM3D {
      var method = M3D()
      method.images.network = NetworkChoice(filters: 64, depth: 2, precision: precision)
      method.steps = steps
      method.stepsPerNetwork = stepsPerNetwork
      method.images.realBatch = 16
      return try method.condense(
        toy, counts: [2, 2], normalization: normalization, using: random
      ).synthetic.images
    }
    var method = DistributionMatching()
    method.images.network = NetworkChoice(filters: 64, depth: 2, precision: precision)
    method.steps = steps
    method.images.realBatch = 16
    return try method.condense(
      toy, counts: [2, 2], normalization: normalization, using: random
    ).synthetic.images
  }

  @Test(arguments: [false, true], Precision.allCases)
  func `a condensation moves the images alike`(isM3D: Bool, precision: Precision) throws {
    let ours = try condensed(isM3D, steps: 4, precision)
    let library = try Runtime.withLibraryOperations { try condensed(isM3D, steps: 4, precision) }
    let start = try condensed(isM3D, steps: 0, precision)
    #expect(try distance(ours, library, from: start) < (precision == .float32 ? 1e-3 : 0.1))
  }

  /// With a new network in each step the two differ by more in bfloat16.
  ///
  /// A gradient is the difference of nearly equal means of embeddings, each rounded in every layer. Float32 says whose
  /// rounding that is.
  @Test(arguments: [1, 5])
  func `in bfloat16 our kernels stay nearer to float32 than the library does`(stepsPerNetwork: Int) throws {
    func condensed(_ precision: Precision) throws -> Tensor {
      try self.condensed(true, steps: 4, precision, stepsPerNetwork: stepsPerNetwork)
    }
    let exact = try condensed(.float32)
    func length(_ difference: Tensor) -> Double { difference.squared().sum().item.squareRoot() }
    let ours = try length(condensed(.bfloat16) - exact)
    let library = try length(Runtime.withLibraryOperations { try condensed(.bfloat16) } - exact)
    #expect(ours < library)
  }

  @Test func `a classifier learns alike`() throws {
    let synthetic = Synthetic(
      images: try Tensor.concatenated((0..<2).map { toy.images(ofClass: $0, at: Array(0..<10)) }, axis: 0)
        .to(.float32) / 255,
      labels: Array(repeating: 0, count: 10) + Array(repeating: 1, count: 10))
    let set = try TrainingSet(synthetic, classes: 2, normalization: Normalization.measured(on: toy))
    var recipe = TrainingProtocol.dsa()
    recipe.epochs = 5
    func trained(_ epochs: Int) throws -> TrainedClassifier {
      recipe.epochs = epochs
      return try trainedClassifier(
        on: set, network: network(.float32), following: recipe, using: RandomSource(seed: 6))
    }
    let ours = try trained(5)
    let library = try Runtime.withLibraryOperations { try trained(5) }
    #expect(abs(ours.loss - library.loss) < 1e-4)
    for (a, b) in zip(ours.network.parameters, library.network.parameters) {
      #expect(try (a - b).abs().max().item < 1e-4)
    }
  }
}
