import Datasets
import Methods
import Networks
import Synchronization
import Tensors
import TensorTurn
import Testing

@Suite(.serialized, .takesTurns)
struct GradientMatchingTests {
  private let toy = Toy(counts: [12, 9, 10])

  private func condensed<M: GradientMatchingMethod>(
    _ type: M.Type, _ counts: [Int] = [2, 2, 2], steps: Int = 4, control: RunControl = RunControl(),
    _ change: (inout GradientMatching) -> Void = { _ in }
  ) throws -> Condensation {
    var method = M()
    method.matching.images.network = toy.choice
    method.matching.images.realBatch = 8
    if method.matching.schedule.training == .snapshots { method.matching.schedule.earlyEpochs = 1 }
    method.steps = steps
    change(&method.matching)
    return try method.condense(
      toy, counts: counts, normalization: Normalization.measured(on: toy), using: RandomSource(seed: 1),
      control: control)
  }

  private func losses(_ body: (RunControl) throws -> Void) rethrows -> [Double] {
    let losses = Mutex<[Double]>([])
    try body(RunControl(progress: { r in if r.phase == nil { losses.withLock { $0.append(r.loss) } } }))
    return losses.withLock { $0 }
  }

  private func mean(_ values: ArraySlice<Double>) -> Double { values.reduce(0, +) / Double(values.count) }

  /// One network for all steps, which does not learn: then the same loss is made small.
  @Test(arguments: GradientDistance.allCases) func `the distance of gradients falls`(distance: GradientDistance) throws
  {
    let all = try losses { control in
      _ = try condensed(DSA.self, steps: 40, control: control) {
        $0.distance = distance
        $0.images.augmentation = AugmentationStrategy.none
        $0.images.realBatch = 12
        $0.images.learningRate = distance == .cosine ? 0.1 : distance == .squared ? 1 : 0.02
        ($0.schedule.stepsPerNetwork, $0.schedule.innerLoop) = (40, 0)
      }
    }
    #expect(mean(all.suffix(5)) < 0.8 * mean(all.prefix(5)))
  }

  @Test func `equal gradients have no distance and the cosine sees directions alone`() throws {
    let a = [scatter([4, 3, 3, 3], 1), scatter([2, 5], 2)]
    for distance in GradientDistance.allCases {
      #expect(abs(try distance(a, a).item) < 1e-4)
      #expect(try distance(a, a.map { $0 * 2 }).item > (distance == .cosine ? -1e-4 : 1))
    }
    #expect(abs(try GradientDistance.cosine(a, a.map { $0 * 2 }).item) < 1e-4)
    // Opposite rows: 2 for each of 4 filters and 2 outputs.
    #expect(abs(try GradientDistance.cosine(a, a.map { -$0 }).item - 12) < 1e-3)
  }

  @Test func `convolutions alone are compared where it is said`() throws {
    let network = toy.network
    let all = ComparedLayers.all.places(in: network).map { network.parameterShapes[$0].count }
    #expect(all == [4, 4, 2])
    #expect(ComparedLayers.convolutions.places(in: network).map { network.parameterShapes[$0].count } == [4, 4])
  }

  @Test func `loops are as long as in the published code`() throws {
    func loops(_ ipc: Int) throws -> [Int?] {
      var method = DC()
      try method.decide(
        for: MethodTask(
          dataset: "x", shape: ImageShape(channels: 3, height: 32, width: 32), counts: [ipc, ipc], available: [99, 99]))
      return [method.matching.schedule.stepsPerNetwork, method.matching.schedule.innerLoop]
    }
    #expect(try loops(1) == [1, 1])
    #expect(try loops(10) == [10, 50])
    #expect(try loops(20) == [20, 25])
    #expect(try loops(50) == [50, 10])
  }

  /// With the loop between steps empty the network of a life stays what it was; with one it learns the synthetic images.
  @Test func `networks learn between steps and begin anew`() throws {
    let idle = try losses { c in _ = try condensed(DC.self, steps: 6, control: c) { $0.schedule.innerLoop = 0 } }
    let busy = try losses { c in
      _ = try condensed(DC.self, steps: 6, control: c) {
        ($0.schedule.stepsPerNetwork, $0.schedule.innerLoop) = (3, 5)
      }
    }
    #expect(idle[0] == busy[0])
    #expect(idle[1] != busy[1])
    let short = try losses { c in
      _ = try condensed(DC.self, steps: 6, control: c) {
        ($0.schedule.stepsPerNetwork, $0.schedule.innerLoop) = (1, 5)
      }
    }
    #expect(short[0] == idle[0])
    #expect(short[1] != idle[1])
    #expect(short[1] != busy[1])
  }

  @Test func `IDC keeps pixels between black and white and DC does not`() throws {
    let idc = try condensed(IDC.self, steps: 8) { $0.images.learningRate = 1e4 }.synthetic.images
    let (least, most) = try (idc.min().item, idc.max().item)
    #expect(least >= -1e-6 && most <= 1 + 1e-6)
    let dc = try condensed(DC.self).synthetic.images
    #expect(try dc.min().item < 0 || dc.max().item > 1)
  }

  @Test func `IDC compares squares of small colour images and absolute values of others`() throws {
    func decided(_ channels: Int, _ side: Int) throws -> IDC {
      var method = IDC()
      try method.decide(
        for: MethodTask(
          dataset: "x", shape: ImageShape(channels: channels, height: side, width: side), counts: [5], available: [99]))
      return method
    }
    #expect(try decided(3, 32).matching.distance == .squared)
    #expect(try decided(1, 28).matching.distance == .absolute)
    #expect(try decided(3, 96).matching.distance == .absolute)
    #expect(try decided(3, 32).matching.images.augmentation?.description == "color_crop_cutout")
  }

  @Test func `a class of IDC steps alike whatever the number of its images`() throws {
    func movement(_ count: Int) throws -> Double {
      try condensed(IDCI.self, [count, 0, 0], steps: 1) {
        $0.images.augmentation = AugmentationStrategy.none
        $0.images.initialization = .noise
        $0.images.pixels = .free
      }.lastReport?.movement ?? 0
    }
    let (few, many) = try (movement(2), movement(8))
    #expect(many > few / 3 && many < few * 3)
  }

  @Test func `noise on a snapshot is as long as it is asked to be and other noise in every step`() throws {
    func run(_ noise: Double) throws -> [Float] {
      try condensed(IDCI.self) { $0.schedule.weightNoise = noise }.synthetic.images.floats()
    }
    #expect(try run(0) != run(0.5))
    #expect(try run(0.5) == run(0.5))
  }
}
