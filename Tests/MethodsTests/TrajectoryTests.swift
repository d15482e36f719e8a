import Datasets
import Foundation
import Methods
import Networks
import Synchronization
import TensorTurn
import Tensors
import Testing

@Suite(.serialized, .takesTurns)
struct TrajectoryTests {
  private let toy = Toy(counts: [11, 8, 7])

  private func recipe(
    _ real: some RealImages, network: Architecture? = nil, networks: Int = 1, epochs: Int,
    _ change: (inout TrajectoryTraining) -> Void = { _ in }
  ) -> TrajectoryRecipe {
    var training = TrajectoryTraining()
    training.network = toy.choice
    (training.networks, training.epochs, training.batchSize) = (networks, epochs, 8)
    change(&training)
    let counts = (0..<real.classCount).map { real.count(ofClass: $0) }
    let task = MethodTask(dataset: "toy", shape: real.shape, counts: counts, available: counts)
    var recipe = training.recipe(for: task)
    if let network { recipe.network = network }
    return recipe
  }

  private func trained(
    _ recipe: TrajectoryRecipe, continuing kept: [[Network]] = [], seed: UInt64 = 1, control: RunControl = RunControl()
  ) throws -> Trajectories {
    try recipe.trained(
      on: toy, normalization: .measured(on: toy), continuing: kept, using: RandomSource(seed: seed), control: control)
  }

  private func values(_ network: Network) -> [[Float]] { (network.parameters + network.buffers).map { $0.floats() } }

  private func values(_ trajectories: Trajectories) -> [[[[Float]]]] {
    trajectories.snapshots.map { $0.map { values($0) } }
  }

  /// Four times one image, so that the order does not matter.
  private struct OneImage: RealImages {
    let shape = ImageShape(channels: 3, height: 8, width: 8)
    let classCount = 3
    func count(ofClass label: Int) -> Int { label == 1 ? 4 : 0 }
    func images(ofClass label: Int, at indices: [Int]) -> Tensor {
      let image = (0..<192).map { UInt8((127.5 + 100 * sin(0.19 * Double($0) + 0.3)).rounded()) }
      return Tensor(bytes: indices.flatMap { _ in image }, shape: [indices.count, 3, 8, 8])
    }
  }

  @Test func `epochs of two steps end where PyTorch's do`() throws {
    let golden = try Golden.load()
    let real = OneImage()
    let recipe = recipe(real, epochs: 3) {
      $0.network.filters = 4
      $0.batchSize = 2
      $0.augmentation = AugmentationStrategy.none
    }
    let normalization = Normalization(mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25])
    let trajectories = try recipe.trained(
      on: real, normalization: normalization, continuing: [[waveNetwork(recipe.network)]],
      using: RandomSource(seed: 1))
    let image = try normalization.normalized(bytes: real.images(ofClass: 1, at: [0]))
    for epoch in 1...3 {
      #expect(agree(try trajectories.network(0, epoch: epoch)(image), golden["trajectory logits \(epoch)"]))
    }
  }

  @Test func `the classes are learned epoch by epoch`() throws {
    let trajectories = try trained(recipe(toy, epochs: 30) { $0.batchSize = 4 })
    let other = Toy(counts: [30, 30, 30], seed: 9)
    let accuracies = try [0, 30].map {
      try accuracy(of: trajectories.network(0, epoch: $0), on: other, normalization: .measured(on: toy)).overall
    }
    #expect(accuracies[0] < 0.7 && accuracies[1] > 0.8, "\(accuracies)")
    #expect(trajectories.isFinite)
  }

  @Test(arguments: [Norm.instance, .batch])
  func `a longer trajectory begins as a shorter one and goes on from it`(norm: Norm) throws {
    func recipe(networks: Int, epochs: Int) -> TrajectoryRecipe {
      self.recipe(toy, networks: networks, epochs: epochs) {
        $0.network.norm = norm
        $0.cutMixProbability = 0.5
      }
    }
    let whole = try trained(recipe(networks: 2, epochs: 3))
    let first = try trained(recipe(networks: 1, epochs: 1))
    #expect(values(first)[0] == Array(values(whole)[0].prefix(2)))
    let continued = try trained(recipe(networks: 2, epochs: 3), continuing: first.snapshots)
    #expect(values(continued) == values(whole))
    // Nothing is left to train, and less is asked for than there is.
    let stopped = RunControl(shouldStop: { true })
    #expect(
      try values(trained(recipe(networks: 2, epochs: 3), continuing: whole.snapshots, control: stopped))
        == values(whole))
    let fewer = try trained(recipe(networks: 1, epochs: 2), continuing: whole.snapshots)
    #expect(fewer.networks == 1 && fewer.epochs == 2)
    #expect(values(whole)[0] != values(whole)[1])
  }

  @Test func `a stopped training has the whole epochs that all networks reached`() throws {
    let whole = try trained(recipe(toy, networks: 2, epochs: 3))
    // 26 images in batches of 8 are 4 steps.
    for (steps, epochs) in [(0, 0), (3, 0), (7, 0), (8, 1), (15, 1), (16, 2)] {
      let done = Mutex(0)
      let control = RunControl(
        progress: { report in done.withLock { $0 = report.step } },
        shouldStop: { done.withLock { $0 } >= steps })
      let stopped = try trained(recipe(toy, networks: 2, epochs: 3), control: control)
      #expect(stopped.epochs == epochs && stopped.networks == 2)
      #expect(values(stopped) == values(whole).map { Array($0.prefix(epochs + 1)) })
    }
  }

  @Test func `progress counts the batches that are trained`() throws {
    let reports = Mutex<[StepReport]>([])
    let control = RunControl(progress: { report in reports.withLock { $0.append(report) } })
    let kept = try trained(recipe(toy, epochs: 1))
    _ = try trained(recipe(toy, networks: 2, epochs: 2), continuing: kept.snapshots, control: control)
    let seen = reports.withLock { $0 }
    #expect(seen.map(\.step) == Array(1...12) && seen.allSatisfy { $0.steps == 12 && $0.unit == "batches" })
  }

  /// Notes which images are asked for.
  private struct Watched: RealImages {
    let toy: Toy
    let asked: @Sendable ([SourceImage]) -> Void
    var shape: ImageShape { toy.shape }
    var classCount: Int { toy.classCount }
    func count(ofClass label: Int) -> Int { toy.count(ofClass: label) }
    func images(ofClass label: Int, at indices: [Int]) -> Tensor {
      asked(indices.map { SourceImage(label: label, index: $0) })
      return toy.images(ofClass: label, at: indices)
    }
  }

  @Test func `an epoch reads every image once, never more than a batch, in an order of its own`() throws {
    let asked = Mutex<[SourceImage]>([])
    let batches = Mutex<[Int]>([])
    let watched = Watched(toy: toy) { images in asked.withLock { $0 += images } }
    let control = RunControl(progress: { _ in batches.withLock { $0.append(asked.withLock { $0.count }) } })
    let normalization = Normalization.measured(on: toy)
    _ = try recipe(toy, epochs: 2).trained(
      on: watched, normalization: normalization, using: RandomSource(seed: 1), control: control)
    let images = asked.withLock { $0 }
    let ends = batches.withLock { $0 }
    #expect(images.count == 52 && ends == [6, 13, 19, 26, 32, 39, 45, 52])
    func numbers(_ images: ArraySlice<SourceImage>) -> [Int] { images.map { $0.label * 100 + $0.index } }
    let epochs = [numbers(images[..<26]), numbers(images[26...])]
    let all = toy.archiveOrder.map { $0.label * 100 + $0.index }
    for epoch in epochs { #expect(epoch.sorted() == all) }
    #expect(epochs[0] != epochs[1])
  }

  @Test func `the seed and every option of the training change the weights`() throws {
    let plain = try values(trained(recipe(toy, epochs: 1)).network(0, epoch: 1))
    #expect(try values(trained(recipe(toy, epochs: 1)).network(0, epoch: 1)) == plain)
    #expect(try values(trained(recipe(toy, epochs: 1), seed: 2).network(0, epoch: 1)) != plain)
    let changes: [(inout TrajectoryTraining) -> Void] = [
      { $0.batchSize = 5 }, { $0.learningRate = 0.01 }, { $0.momentum = 0.5 }, { $0.weightDecay = 0 },
      { $0.augmentation = AugmentationStrategy.none }, { $0.cutMixProbability = 1 },
    ]
    for change in changes {
      #expect(try values(trained(recipe(toy, epochs: 1, change)).network(0, epoch: 1)) != plain)
    }
  }

  @Test func `photographs are flipped and digits are not`() {
    #expect(recipe(toy, epochs: 1).training.augmentation?.description == "color_crop_flip")
    #expect(recipe(Toy(counts: [2], channels: 1), epochs: 1).training.augmentation?.description == "color_crop")
  }

  @Test func `a method gets the trajectories that are given`() throws {
    let given = try trained(recipe(toy, networks: 2, epochs: 2))
    var control = RunControl()
    control.trajectories = { _, _ in given }
    let got = try recipe(toy, epochs: 7).trajectories(
      on: toy, normalization: .measured(on: toy), using: RandomSource(seed: 1), control: control)
    #expect(values(got) == values(given))
  }
}
