import Datasets
import Foundation
import Methods
import Networks
import Synchronization
import TensorTurn
import Tensors
import Testing

@Suite(.serialized, .takesTurns)
struct GuidanceTests {
  private let toy = Toy(counts: [12, 9, 10])

  private func guided(
    _ counts: [Int], steps: Int = 6, on real: (any RealImages)? = nil, seed: UInt64 = 1,
    control: RunControl = RunControl(), _ change: (inout Guided) -> Void = { _ in }
  ) throws -> Condensation {
    var method = Guided()
    method.images.network = toy.choice
    method.images.initialization = .mixed
    method.steps = steps
    method.guidance.epochs = 1
    change(&method)
    func run(_ real: some RealImages) throws -> Condensation {
      try method.condense(
        real, counts: counts, normalization: Normalization.measured(on: toy), using: RandomSource(seed: seed),
        control: control)
    }
    return try real.map { try run($0) } ?? run(toy)
  }

  private func bytes(_ result: Condensation) -> [UInt32] { result.synthetic.images.floats().map(\.bitPattern) }

  private func reports(_ run: (RunControl) throws -> Void) rethrows -> [StepReport] {
    let reports = Mutex<[StepReport]>([])
    var control = RunControl()
    control.progress = { report in if report.phase == nil { reports.withLock { $0.append(report) } } }
    try run(control)
    return reports.withLock { $0 }
  }

  /// A control that gives one network in place of those that would be trained.
  private func giving(_ network: Network) -> RunControl {
    var control = RunControl()
    control.trajectories = { recipe, _ in
      Trajectories([Array(repeating: network, count: recipe.training.epochs + 1)])
    }
    return control
  }

  @Test func `without its additions it is DM`() throws {
    var dm = DistributionMatching()
    dm.images.network = toy.choice
    (dm.steps, dm.images.realBatch, dm.images.augmentation) = (6, 8, AugmentationStrategy.none)
    let expected = try dm.condense(
      toy, counts: [2, 1, 3], normalization: Normalization.measured(on: toy), using: RandomSource(seed: 1))
    let found = try guided([2, 1, 3]) {
      $0.images = dm.images
      $0.guidance.encoders = .drawn
      $0.distance = .mean
    }
    #expect(bytes(found) == bytes(expected))
  }

  /// The first step against the formula, differentiated by finite differences.
  @Test func `a step goes down the gradient of features and cross entropy`() throws {
    var draw = RandomSource(seed: 5)
    let network = Network(toy.network, using: &draw)
    let normalization = Normalization.measured(on: toy)
    func run(steps: Int) throws -> Tensor {
      let result = try guided([2, 1, 2], steps: steps, control: giving(network)) {
        $0.images.augmentation = AugmentationStrategy.none
        $0.images.formation = Formation(factor: 1)
        ($0.images.learningRate, $0.images.decay, $0.images.pixels) = (0.01, .none, .free)
        $0.images.realBatch = 100
        $0.guidance.crossEntropyWeight = 3
        $0.distance = .mean
      }
      return try normalization.normalized(result.synthetic.images)
    }
    let (start, moved) = (try run(steps: 0), try run(steps: 1))
    let labels = [0, 0, 1, 2, 2]
    func loss(_ images: Tensor) throws -> Double {
      var sum = 0.0
      for label in 0..<3 {
        let rows = labels.indices.filter { labels[$0] == label }
        let mine = try images.slice(axis: 0, from: rows[0], to: rows[0] + rows.count)
        let all = toy.images(ofClass: label, at: Array(0..<toy.count(ofClass: label)))
        let real = try network.embed(normalization.normalized(bytes: all)).mean(axes: [0]).floats()
        let embeddings = try network.embed(mine)
        let synthetic = try embeddings.mean(axes: [0]).floats()
        sum += zip(real, synthetic).reduce(0) { $0 + pow(Double($1.0 - $1.1), 2) }
        let scores = try network(mine).floats()
        for row in rows.indices {
          let own = (0..<3).map { Double(scores[3 * row + $0]) }
          sum += 3 * (log(own.reduce(0) { $0 + exp($1) }) - own[label]) / Double(rows.count)
        }
      }
      return sum
    }
    let (before, after) = (start.floats(), moved.floats())
    for place in stride(from: 7, to: before.count, by: 97) {
      var (up, down) = (before, before)
      up[place] += 0.01
      down[place] -= 0.01
      let slope =
        try (loss(Tensor(up, shape: start.shape)) - loss(Tensor(down, shape: start.shape))) / 0.02
      let step = Double(before[place] - after[place]) / 0.01
      let allowed = 0.02 * abs(slope) + 2e-3
      #expect(abs(step - slope) < allowed, "pixel \(place): \(step), \(slope)")
    }
  }

  @Test func `the parts of the loss are reported`() throws {
    var draw = RandomSource(seed: 5)
    var network = Network(toy.network, using: &draw)
    // A last layer of zeros gives all classes the same probability.
    var weights = network.parameters
    for place in weights.indices.suffix(2) { weights[place] = .zeros(weights[place].shape) }
    network = network.with(parameters: weights)
    let reports = try reports { control in
      var control = control
      control.trajectories = giving(network).trajectories
      _ = try guided([2, 0, 1], control: control) { $0.guidance.crossEntropyWeight = 2 }
    }
    #expect(reports.count == 6)
    for report in reports {
      #expect(report.terms.map(\.name) == ["features", "ce"])
      let (features, entropy) = (report.terms[0].value, report.terms[1].value)
      #expect(abs(entropy - 2 * log(3)) < 1e-5)
      #expect(abs(report.loss - features - 2 * entropy) < 1e-4 * report.loss)
    }
  }

  @Test func `images are recognised better by the network that guides them`() throws {
    var training = TrajectoryTraining()
    (training.network, training.epochs, training.batchSize) = (toy.choice, 20, 8)
    let counts = (0..<3).map(toy.count(ofClass:))
    let recipe = training.recipe(for: MethodTask(dataset: "toy", shape: toy.shape, counts: counts, available: counts))
    let trained = try recipe.trained(
      on: toy, normalization: .measured(on: toy), using: RandomSource(seed: 1)
    ).network(0, epoch: 20)
    let reports = try reports { control in
      var control = control
      control.trajectories = giving(trained).trajectories
      _ = try guided([3, 3, 3], steps: 60, control: control) {
        $0.images.initialization = .noise
        $0.images.augmentation = AugmentationStrategy.none
        ($0.images.learningRate, $0.images.decay) = (20, .none)
      }
    }
    let entropies = reports.compactMap { $0.terms.last?.value }
    let (first, last) = (entropies.prefix(10).reduce(0, +), entropies.suffix(10).reduce(0, +))
    #expect(last < 0.7 * first)
  }

  /// Counts how often images are asked for.
  private final class Counting: RealImages {
    let toy: Toy
    let asked = Mutex(0)
    init(_ toy: Toy) { self.toy = toy }
    var shape: ImageShape { toy.shape }
    var classCount: Int { toy.classCount }
    func count(ofClass label: Int) -> Int { toy.count(ofClass: label) }
    func images(ofClass label: Int, at indices: [Int]) -> Tensor {
      asked.withLock { $0 += 1 }
      return toy.images(ofClass: label, at: indices)
    }
  }

  @Test func `a batch of real images serves as many steps as it is reused`() throws {
    var draw = RandomSource(seed: 5)
    let network = Network(toy.network, using: &draw)
    func asked(steps: Int, reuse: Int) throws -> Int {
      let real = Counting(toy)
      _ = try guided([1, 0, 1], steps: steps, on: real, control: giving(network)) { $0.images.stepsPerBatch = reuse }
      return real.asked.withLock { $0 }
    }
    let start = try asked(steps: 0, reuse: 1)
    #expect(try asked(steps: 8, reuse: 1) == start + 16)
    #expect(try asked(steps: 8, reuse: 4) == start + 4)
    #expect(try asked(steps: 9, reuse: 4) == start + 6)
  }

  @Test func `a rate along a cosine ends at 0 and is half in the middle`() throws {
    let whole = try guided([1, 1, 1], steps: 8) {
      $0.images.schedule = 8
      $0.images.momentum = 0
    }
    let beyond = try guided([1, 1, 1], steps: 12) {
      $0.images.schedule = 8
      $0.images.momentum = 0
    }
    #expect(bytes(whole) == bytes(beyond))
    // One step at a time, so that the gradient is that of the start.
    func way(schedule: Int?, rate: Double) throws -> Double {
      let reports = try reports { control in
        _ = try guided([1, 1, 1], steps: 2, control: control) {
          ($0.images.learningRate, $0.images.momentum, $0.images.pixels) = (rate, 0, .free)
          ($0.images.decay, $0.images.schedule) = (schedule == nil ? .none : .cosine, schedule)
        }
      }
      return reports[1].movement / reports[0].movement
    }
    // At a tiny rate both steps have nearly the same gradient: constant, 2 ways; with a schedule of 2, the second is half.
    let (constant, falling) = (try way(schedule: nil, rate: 1e-3), try way(schedule: 2, rate: 1e-3))
    let share = (falling - 1) / (constant - 1)
    #expect(abs(share - 0.5) < 0.05, "\(constant) \(falling)")
  }

  /// With the images that stay, a step compares all of a class: the distance is the same whichever it moves.
  @Test(arguments: [Guided.Distance.mean, .kernel])
  func `a step moves so many synthetic images and compares all of them`(distance: Guided.Distance) throws {
    func features(moving batch: Int) throws -> (distance: Double, moved: Int) {
      var first: StepReport?
      var images: [Condensation] = []
      for steps in [0, 1] {
        let seen = try reports { control in
          images.append(
            try guided([12, 0, 0], steps: steps, control: control) {
              $0.guidance.syntheticBatch = batch
              $0.distance = distance
              $0.images.schedule = 4
              $0.images.pixels = .free
            })
        }
        first = seen.first { $0.phase == nil } ?? first
      }
      // Each stored image of 8×8 has four tiles.
      let way = (images[1].synthetic.images - images[0].synthetic.images).abs()
      let tiles = try way.averagePool2d(4).sum(axes: [1]).floats()
      return (try #require(first?.terms.first { $0.name == "features" }).value, tiles.count { $0 > 0 })
    }
    let (few, all) = (try features(moving: 8), try features(moving: 48))
    #expect(few.moved == 8 && all.moved == 48)
    #expect(abs(few.distance - all.distance) < 1e-4 * all.distance, "\(few) \(all)")
  }

  @Test func `many small grey images are not cut into tiles unless it was asked for`() throws {
    func factor(_ ipc: Int, channels: Int = 1, side: Int = 28, _ change: (inout Guided) throws -> Void = { _ in })
      throws -> String?
    {
      var method = Guided()
      try change(&method)
      try method.decide(
        for: MethodTask(
          dataset: "digits", shape: ImageShape(channels: channels, height: side, width: side), counts: [1, ipc],
          available: [500, 500]))
      #expect(method.factor == method.images.formation.factor)
      return method.recorded["factor"]
    }
    #expect(Guided().factor == nil && Guided().recorded["factor"] == nil)
    #expect(try factor(19) == "2" && factor(20) == "1" && factor(50) == "1")
    #expect(try factor(50, channels: 3, side: 32) == "2" && factor(50, side: 64) == "2")
    #expect(try factor(50) { method throws in try method.set("factor", to: "2") } == "2")
    #expect(try factor(50) { method throws in try method.set("factor", to: "3") } == "3")
    #expect(try factor(50) { method throws in try method.set("formation", to: "multi") } == "2")
  }

  @Test func `a step takes at most so many synthetic images and DM all of them`() throws {
    let few = try guided([12, 1, 1], steps: 2) { $0.guidance.syntheticBatch = 8 }
    let all = try guided([12, 1, 1], steps: 2) { $0.guidance.syntheticBatch = 48 }
    #expect(bytes(few) != bytes(all))
    let drawn: [Condensation] = try [8, 48].map { batch in
      try guided([12, 1, 1], steps: 2) {
        $0.guidance.encoders = .drawn
        $0.guidance.syntheticBatch = batch
      }
    }
    #expect(bytes(drawn[0]) == bytes(drawn[1]))
  }

  /// CIFAR-10's size, with so many real images of a class.
  private func task(ipc: Int = 10, available: Int = 5000) -> MethodTask {
    MethodTask(
      dataset: "x", shape: ImageShape(channels: 3, height: 32, width: 32), counts: Array(repeating: ipc, count: 10),
      available: Array(repeating: available, count: 10))
  }

  @Test func `one image per class is guided by younger networks, where there are many real images`() throws {
    func epochs(_ task: MethodTask, _ typed: Int? = nil) throws -> Int? {
      var method = Guided()
      method.guidance.epochs = typed
      try method.decide(for: task)
      return method.guidance.epochs
    }
    #expect(try epochs(task()) == 12 && epochs(task(ipc: 1)) == 2 && epochs(task(ipc: 2)) == 12)
    #expect(try epochs(task(ipc: 1), 12) == 12)
    // Two epochs of a few hundred images would teach nothing.
    #expect(try epochs(task(available: 30)) == 30 && epochs(task(ipc: 1, available: 30)) == 30)
    var method = Guided()
    method.share(TimeBudget(seconds: 3600, secondsPerEpoch: 18, for: task(ipc: 1)))
    #expect(method.guidance.epochs == 2)
    method = Guided()
    method.guidance.encoders = .drawn
    try method.decide(for: task(ipc: 1))
    #expect(method.guidance.epochs == nil)
  }

  @Test func `a time is shared out between networks and images`() throws {
    func shared(_ seconds: Double, _ change: (inout Guided) -> Void = { _ in }) -> (networks: Int?, epochs: Int?) {
      var method = Guided()
      change(&method)
      method.share(TimeBudget(seconds: seconds, secondsPerEpoch: 18, for: task()))
      return (method.guidance.networks, method.guidance.epochs)
    }
    var last = 0
    for seconds in [45.0, 60, 180, 600, 3600, 21600] {
      let (networks, epochs) = shared(seconds)
      let all = (networks ?? 0) * (epochs ?? 0)
      #expect(all >= max(1, last))
      #expect(all == 1 || Double(all) * 18 <= 0.5 * seconds, "\(seconds) s: \(all) epochs")
      last = all
    }
    // So for the other methods that train networks beforehand: a short time is not all theirs.
    func epochs(_ method: some CondensingMethod, in seconds: Double, _ typed: String? = nil) throws -> String? {
      var method = method
      if let typed { try method.set("early-epochs", to: typed) }
      method.share(TimeBudget(seconds: seconds, secondsPerEpoch: 18, for: task()))
      return method.recorded["early-epochs"]
    }
    #expect(try epochs(IDC(), in: 60) == "1" && epochs(IDC(), in: 100) == "2" && epochs(IDC(), in: 3600) == "4")
    #expect(try epochs(IDCI(), in: 60) == "1" && epochs(Koopcon(), in: 60) == "1")
    #expect(try epochs(IDC(), in: 60, "3") == "3" && epochs(DSA(), in: 60) == nil)
    // What was typed stays.
    let typed = shared(3600) { $0.guidance.epochs = 3 }
    #expect(typed.epochs == 3)
    let drawn = shared(3600) { $0.guidance.encoders = .drawn }
    #expect(drawn.networks == nil && drawn.epochs == nil)
  }

  @Test func `a time without room for one epoch trains nothing and clusters nothing`() throws {
    func shared(_ seconds: Double, _ change: (inout Guided) -> Void = { _ in }) -> Guided {
      var method = Guided()
      change(&method)
      method.share(TimeBudget(seconds: seconds, secondsPerEpoch: 18, for: task()))
      return method
    }
    let short = shared(44)
    #expect(short.guidance.encoders == .drawn && short.images.initialization == .mixed)
    #expect(shared(46).guidance.encoders == .snapshots && shared(46).images.initialization == .kMeans)
    #expect(shared(44) { $0.guidance.epochs = 2 }.guidance.encoders == .snapshots)
    #expect(shared(44) { $0.images.initialization = .real }.images.initialization == .real)
  }

  @Test func `images are not embedded after the end of the time`() throws {
    let asked = Mutex(0)
    var control = RunControl()
    var method = Guided()
    method.images.network = toy.choice
    method.guidance.epochs = 2
    let counts = [2, 1, 3]
    let batches = 2 * (((0..<3).reduce(0) { $0 + toy.count(ofClass: $1) } + 127) / 128)
    // It is asked before every batch of the two epochs and every block of embeddings: those of the first of three classes are made.
    control.shouldStop = {
      asked.withLock { asked in
        asked += 1
        return asked > batches + 1
      }
    }
    method.steps = 5
    let stopped = try method.condense(
      toy, counts: counts, normalization: .measured(on: toy), using: RandomSource(seed: 1), control: control)
    #expect(stopped.steps == 0 && stopped.synthetic.labels == [0, 0, 1, 2, 2, 2])
    // One question for each of the other classes, and one before the first step.
    #expect(asked.withLock { $0 } == batches + 1 + 3)
  }

  @Test func `a checkpoint goes on to the same bytes`() throws {
    let latest = Mutex<ImageCheckpoint?>(nil)
    var control = RunControl()
    control.checkpoint = { checkpoint in
      if checkpoint.report.step == 3 { latest.withLock { $0 = checkpoint } }
    }
    let whole = try guided([2, 1, 3], control: control)
    var resumed = RunControl()
    resumed.resumed = latest.withLock { $0 }
    let steps = Mutex<[Int]>([])
    resumed.progress = { report in if report.phase == nil { steps.withLock { $0.append(report.step) } } }
    let rest = try guided([2, 1, 3], control: resumed)
    #expect(bytes(rest) == bytes(whole) && rest.steps == whole.steps && rest.lastReport == whole.lastReport)
    #expect(steps.withLock { $0 } == [4, 5, 6])
  }

  /// What stays is embedded once for four steps, so that a run goes on from between such steps.
  @Test func `a run that moves some of its images goes on to the same bytes`() throws {
    let kept = Mutex<[ImageCheckpoint]>([])
    var control = RunControl()
    control.checkpoint = { checkpoint in kept.withLock { $0.append(checkpoint) } }
    let whole = try guided([12, 1, 3], steps: 11, control: control) { $0.guidance.syntheticBatch = 8 }
    let checkpoints = kept.withLock { $0 }
    #expect(checkpoints.map(\.report.step) == [4, 8])
    for checkpoint in checkpoints {
      var resumed = RunControl()
      resumed.resumed = checkpoint
      let rest = try guided([12, 1, 3], steps: 11, control: resumed) { $0.guidance.syntheticBatch = 8 }
      #expect(bytes(rest) == bytes(whole))
    }
  }

  /// Ctrl-C, or a time that is up, while the networks are trained.
  @Test(arguments: [0, 1, 2, 5]) func `a training that is stopped leaves the images as they begin`(batches: Int) throws
  {
    let done = Mutex(0)
    var control = RunControl()
    control.progress = { report in if report.phase != nil { done.withLock { $0 += 1 } } }
    control.shouldStop = { done.withLock { $0 } >= batches }
    let result = try guided([2, 1, 2], control: control) {
      $0.images.initialization = .kMeans
      $0.guidance.epochs = 9
    }
    let (steps, labels) = (result.steps, result.synthetic.labels)
    #expect(steps == 0 && labels == [0, 0, 1, 2, 2])
    let values = result.synthetic.images.floats()
    #expect(values.allSatisfy { $0.isFinite })
  }

  @Test func `the embeddings of a network belong to its logits`() throws {
    var draw = RandomSource(seed: 5)
    let network = Network(toy.network, using: &draw)
    let images = try Normalization.measured(on: toy).normalized(bytes: toy.images(ofClass: 0, at: [0, 3]))
    #expect(try network.logits(ofEmbeddings: network.embed(images)).floats() == network(images).floats())
  }
}
