import Datasets
import Methods
import Networks
import Synchronization
import Tensors
import TensorTurn
import Testing

@Suite(.serialized, .takesTurns)
struct MatchingTests {
  private let toy = Toy(counts: [12, 9, 10])

  private func dm(
    _ counts: [Int], steps: Int = 6, seed: UInt64 = 1, control: RunControl = RunControl(),
    _ change: (inout DistributionMatching) -> Void = { _ in }
  ) throws -> Condensation {
    var method = DistributionMatching()
    method.images.network = toy.choice
    method.steps = steps
    method.images.realBatch = 8
    change(&method)
    return try method.condense(
      toy, counts: counts, normalization: Normalization.measured(on: toy), using: RandomSource(seed: seed),
      control: control)
  }

  private func m3d(
    _ counts: [Int], steps: Int = 6, seed: UInt64 = 1, control: RunControl = RunControl(),
    _ change: (inout M3D) -> Void = { _ in }
  ) throws -> Condensation {
    var method = M3D()
    method.images.network = toy.choice
    method.steps = steps
    method.images.realBatch = 8
    change(&method)
    return try method.condense(
      toy, counts: counts, normalization: Normalization.measured(on: toy), using: RandomSource(seed: seed),
      control: control)
  }

  @Test func `the same seed gives the same bytes and another seed others`() throws {
    func bytes(_ result: Condensation) -> [UInt32] { result.synthetic.images.floats().map(\.bitPattern) }
    #expect(bytes(try dm([2, 1, 3])) == bytes(try dm([2, 1, 3])))
    #expect(bytes(try dm([2, 1, 3])) != bytes(try dm([2, 1, 3], seed: 2)))
    #expect(bytes(try m3d([2, 1, 3])) == bytes(try m3d([2, 1, 3])))
    #expect(bytes(try m3d([2, 1, 3])) != bytes(try m3d([2, 1, 3], seed: 2)))
  }

  @Test func `counts may differ by class, and classes do not depend on each other`() throws {
    let all = try dm([2, 1, 3]).synthetic
    #expect(all.labels == [0, 0, 1, 2, 2, 2])
    #expect(all.images.shape == [6, 3, 8, 8])
    let part = try dm([0, 0, 3]).synthetic
    #expect(part.labels == [2, 2, 2])
    #expect(part.images.floats() == (try all.images.slice(axis: 0, from: 3, to: 6).floats()))
    let tiled = try m3d([2, 1, 3]).synthetic
    let tiledPart = try m3d([0, 1, 0]).synthetic
    #expect(tiled.formation.factor == 2)
    #expect(tiledPart.images.floats() == (try tiled.images.slice(axis: 0, from: 2, to: 3).floats()))
  }

  @Test func `DM's loss falls on a toy set`() throws {
    let reports = try reports { control in
      _ = try dm([3, 3, 3], steps: 60, control: control) { options in
        options.images.initialization = .noise
        options.images.augmentation = AugmentationStrategy.none
        options.images.realBatch = 12
        options.images.learningRate = 10
      }
    }
    #expect(mean(reports.suffix(10)) < 0.5 * mean(reports.prefix(10)))
    #expect(reports.allSatisfy { $0.gradientNorm > 0 && $0.loss.isFinite })
    #expect(reports.map(\.step) == Array(1...60))
  }

  @Test(arguments: [Kernel.gaussianMixture(), .gaussian(), .polynomial, .linear])
  func `M3D's loss falls on a toy set under every kernel`(kernel: Kernel) throws {
    let reports = try reports { control in
      _ = try m3d([3, 3, 3], steps: 60, control: control) { options in
        options.kernel = kernel
        options.images.initialization = .noise
        options.images.augmentation = AugmentationStrategy.none
        options.images.formation = Formation(factor: 1)
        options.images.realBatch = 12
        options.stepsPerNetwork = 1
        options.images.learningRate = 10
      }
    }
    #expect(mean(reports.suffix(10)) < 0.7 * mean(reports.prefix(10)))
  }

  @Test func `in linear units M3D's gradients are of the size of DM's, without them smaller`() throws {
    func gradientNorm(_ change: (inout M3D) -> Void) throws -> Double {
      try m3d([2, 2, 2], steps: 1) { options in
        options.images.formation = Formation(factor: 1)
        options.images.network.filters = 64
        change(&options)
      }.lastReport?.gradientNorm ?? 0
    }
    let scaled = try gradientNorm { _ in }
    let linear = try gradientNorm { $0.kernel = .linear }
    let bare = try gradientNorm { $0.units = .kernel }
    #expect(scaled > linear / 3 && scaled < linear * 3)
    #expect(bare < scaled / 3)
  }

  @Test func `M3D under the linear kernel with a network per step is DM`() throws {
    let a = try dm([2, 1, 3])
    let b = try m3d([2, 1, 3]) { options in
      options.kernel = .linear
      options.stepsPerNetwork = 1
      options.images.formation = Formation(factor: 1)
      options.images.initialization = .real
    }
    #expect((a.synthetic.images - b.synthetic.images).abs().floats().allSatisfy { $0 < 1e-6 })
  }

  @Test func `without steps the images are the initial ones`() throws {
    let real = try dm([2, 2, 2], steps: 0).synthetic
    let pixels = (real.images * 255).rounded().bytes()
    for image in 0..<6 {
      let bytes = Array(pixels[(image * 192)..<((image + 1) * 192)])
      #expect(toy.pixels[real.labels[image]].contains(bytes))
    }
    let noise = try dm([40, 0, 0], steps: 0) { $0.images.initialization = .noise }.synthetic
    let normalized = try Normalization.measured(on: toy).normalized(noise.images)
    #expect(abs(normalized.mean().item) < 0.05)
    #expect(abs(normalized.squared().mean().item - 1) < 0.05)
  }

  @Test(arguments: [Initialization.real, .mixed, .kMeans])
  func `images that begin with the same sample do not begin alike`(initialization: Initialization) throws {
    let one = Toy(counts: [1, 3])
    var method = DistributionMatching()
    method.images.network = one.choice
    method.images.initialization = initialization
    method.steps = 0
    let made = try method.condense(
      one, counts: [5, 5], normalization: .measured(on: one), using: RandomSource(seed: 1)
    ).synthetic.images.flattened(from: 1)
    let distances = try made.squaredDistances(to: made).floats()
    #expect(distances.indices.allSatisfy { $0 / 10 == $0 % 10 || distances[$0] > 1e-2 })
    // Each sample is there as it is, once.
    let samples = try (one.images(ofClass: 1, at: [0, 1, 2]).to(.float32) / 255).flattened(from: 1)
    let nearest = try samples.squaredDistances(to: made).top(1, largest: false).values.floats()
    #expect(nearest.allSatisfy { $0 < 1e-3 })
  }

  @Test func `a mixed start shows a different shrunk image in every tile`() throws {
    let normalization = Normalization.measured(on: toy)
    let synthetic = try m3d([2, 0, 0], steps: 0).synthetic
    let tiles = try synthetic.formation.decoded(synthetic.images)
    #expect(tiles.shape == [8, 3, 8, 8])
    let small = try toy.images(ofClass: 0, at: Array(0..<12)).to(.float32).averagePool2d(2) / 255
    var used = Set<Int>()
    for tile in 0..<8 {
      // Tile t of image i is the quarter t of stored image i.
      let (image, quarter) = (tile % 2, tile / 2)
      let (top, left) = (quarter / 2 * 4, quarter % 2 * 4)
      let part = try synthetic.images.slice(axis: 0, from: image, to: image + 1)
        .slice(axis: 2, from: top, to: top + 4).slice(axis: 3, from: left, to: left + 4)
      let gaps = try (small - part).squared().sum(axes: [1, 2, 3]).floats()
      if let match = gaps.firstIndex(where: { $0 < 1e-6 }) { used.insert(match) }
    }
    #expect(used.count == 8)
    #expect(normalization.mean.count == 3)
  }

  @Test func `a stopped run returns what it has, and asking for that many steps gives the same bytes`() throws {
    let calls = Mutex(0)
    let control = RunControl(shouldStop: {
      calls.withLock {
        $0 += 1
        return $0 > 3
      }
    })
    let stopped = try dm([1, 1, 1], steps: 50, control: control)
    #expect(stopped.steps == 3)
    let whole = try dm([1, 1, 1], steps: 3)
    #expect(stopped.synthetic.images.floats() == whole.synthetic.images.floats())
    let never = try m3d([1, 1, 1], control: RunControl(shouldStop: { true }))
    #expect(never.steps == 0 && never.lastReport == nil)
  }

  @Test func `snapshots are the results of shorter runs`() throws {
    let kept = Mutex<[Int: [Float]]>([:])
    let control = RunControl(
      snapshotSteps: [2, 4], snapshot: { step, set in kept.withLock { $0[step] = set.images.floats() } })
    _ = try dm([1, 1, 1], steps: 5, control: control)
    let snapshots = kept.withLock { $0 }
    #expect(snapshots.keys.sorted() == [2, 4])
    #expect(snapshots[2] == (try dm([1, 1, 1], steps: 2).synthetic.images.floats()))
  }

  @Test func `grey images, tall images and one image per class condense too`() throws {
    let grey = Toy(counts: [5, 5], channels: 1, side: 28)
    var method = M3D()
    method.images.network = grey.choice
    method.steps = 2
    method.images.realBatch = 4
    method.images.formation = Formation(factor: 3)
    let result = try method.condense(
      grey, counts: [1, 1], normalization: .mnist, using: RandomSource(seed: 1))
    #expect(result.synthetic.images.shape == [2, 1, 28, 28])
    #expect(result.synthetic.images.isFinite().integers().allSatisfy { $0 == 1 })
  }

  private func reports(_ body: (RunControl) throws -> Void) throws -> [StepReport] {
    let kept = KeptReports()
    try body(RunControl(progress: { report in kept.reports.withLock { $0.append(report) } }))
    return kept.reports.withLock { $0 }
  }

  private func mean(_ reports: some Collection<StepReport>) -> Double {
    reports.reduce(0) { $0 + $1.loss } / Double(reports.count)
  }
}

private final class KeptReports: Sendable {
  let reports = Mutex<[StepReport]>([])
}
