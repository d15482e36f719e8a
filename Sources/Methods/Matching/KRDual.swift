public import Datasets
internal import Networks
public import Tensors

/// KR-dual: condensation by minimising the Wasserstein distance W₁ of embeddings, through its Kantorovich–Rubinstein dual.
///
/// minimises over S:   E_{θ ~ P₀, ω}  Σ_c  sup_f { mean_{x ∈ T_c} f(ψ_θ(A(x, ω))) − mean_{s ∈ S_c} f(ψ_θ(A(s, ω))) }
///
///   S_c  synthetic images of class c, (count_c, C, H, W)      T_c  real images of class c
///   ψ_θ  embedding of a network that is drawn anew for every step and never trained, d = 2048 at 32×32 for a ConvNet
///   f    a potential: a perceptron with one hidden layer whose parameters stay within [−b, b], see `Potential`
///
/// Reference: Li, Xue & Shi, "Dataset Distillation via Kantorovich-Rubinstein Dual of Wasserstein Distance", Eq. 3–7, Lemma 1
/// and Algorithm 1.
/// Deviations: equation 7 has x and y the wrong way round; the order here is that of equation 3.
/// Decisions, where the paper is silent:
/// - *The potential.* ReLU, which is 1-Lipschitz and no polynomial. Embeddings are first centred between the two means, which
///   changes no distance and puts the kinks between the two sets. The bias of the last layer cancels in the difference, and is
///   left out. The difference is a sum over the hidden units, each of which climbs by itself, so that more units are more starts
///   and no more: `hidden` is small.
/// - *The ascent.* Adam at the paper's rate: each parameter moves by about 1e-3 in a step, so that 100 steps take it across
///   [−b, b] and the dual has converged (the paper's figure 2). A step looks at 32 of the real embeddings, which take turns, and at
///   all synthetic ones. Plain ascent at that rate, as Algorithm 1 is written, moves
///   parameters by 1e-6 a step and leaves the potential as it was drawn.
/// - *The start.* Every potential begins with the same draw (Algorithm 1, line 9). Networks change from step to step, so that
///   nothing is gained from the potential before.
/// - *The step.* The gradient of a potential within [−b, b] is as small as its Lipschitz bound, and at the paper's rate the images
///   do not move. By default the loss is multiplied by the constant of the batch that gives its gradient at the embeddings the
///   length of DM's there, so that the rate means what it means for DM. `units = .dual` turns it off.
/// - *The rest.* Batch, augmentation, momentum and initial images as DM; the paper does not say.
public struct KRDual: EmbeddingMatchingMethod {
  /// See `CondensingMethod`.
  public static let name = "kr-dual"
  /// See `CondensingMethod`.
  public static let settings =
    sharedSettings + [
      Setting("hidden", \.hidden), Setting("clip", \.bound), Setting("ascent-steps", \.ascentSteps),
      Setting("ascent-rate", \.ascentRate), Setting("step-size", \.units),
    ]

  /// How images are learned.
  public var images = LearnedImages(initialization: .real, factor: 1)
  /// Which networks embed, and whether they also classify the images.
  public var guidance = Guidance(.drawn)
  /// Hidden units of a potential.
  public var hidden = 8
  /// Bound b on each parameter of a potential.
  public var bound = 0.02
  /// Steps of ascent for each potential; K₂ in the paper.
  public var ascentSteps = 100
  /// Rate of the ascent; η₂ in the paper.
  public var ascentRate = 1e-3
  /// What the loss is measured in.
  public var units = Units.dm

  /// Real embeddings that a step of ascent looks at.
  public static let potentialBatch = 32

  /// What a loss is measured in.
  public enum Units: String, Sendable, CaseIterable, SettingValue {
    /// Its gradient at the embeddings has the length of DM's.
    case dm
    /// The potential's own.
    case dual
  }

  /// See `CondensingMethod`.
  public init() {}

  /// See `CondensingMethod`.
  public func cost(of task: MethodTask) -> Cost {
    var cost = guidance.cost(of: task, images: images, comparedValues: comparedValues)
    add(to: &cost, of: task, images: images)
    return cost
  }

  /// Values and slopes of the hidden units for so many rows.
  func comparedValues(_ rows: Double) -> Double { 8 * Double(hidden) * rows }

  /// Adds the ascent: weights, gradients, two moments and what they become, and the operations of its steps.
  func add(to cost: inout Cost, of task: MethodTask, images: LearnedImages) {
    let values = Double(hidden) * Double(images.network.decided(for: task).featureCount)
    cost.memory.weights += 4 * 8 * values
    let rows = Double((task.counts.max() ?? 0) * images.formation.multiplicity)
    let classes = Double(task.counts.count { $0 > 0 }) / images.turns(of: task)
    cost.operationsPerStep = cost.operationsPerStep.map {
      $0 + Double(ascentSteps) * classes * 4 * (Double(Self.potentialBatch) + rows) * values
    }
  }

  /// See `CondensingMethod`.
  public func condense(
    _ real: some RealImages, counts: [Int], normalization: Normalization, using random: RandomSource,
    control: RunControl = RunControl()
  ) throws -> Condensation {
    var method = self
    try method.decide(for: MethodTask(real, counts: counts))
    return try method.guidance.learned(
      method.images, from: real, counts: counts, normalization: normalization, using: random, control: control
    ) { x, y throws(TensorError) in
      try loss(real: x, synthetic: y, using: random)
    }
  }

  /// The loss of one class on given embeddings, (n, d) and (m, d): the dual after the ascent, in the units that were asked for.
  func loss(real x: Tensor, synthetic y: Tensor, using random: RandomSource) throws(TensorError) -> Tensor {
    var draw = random.split("potential")
    let start = Potential(dimension: x.shape[1], hidden: hidden, bound: bound, using: &draw)  // line 9
    let f = try start.ascended(
      from: y.detached(), to: x, steps: ascentSteps, rate: ascentRate, batch: Self.potentialBatch)  // lines 10–21
    let dual = try f.difference(from: y, to: x)  // line 24
    return units == .dual ? dual : try dual * f.lengthOfDM(from: y.detached(), to: x)
  }
}

/// A potential of the Kantorovich–Rubinstein dual: f(x) = w₂ · σ(W₁ (x − c) + b₁), every parameter within [−b, b].
///
/// W₁ (h, d), b₁ (h), w₂ (h); σ is ReLU; c a point between the two sets that f tells apart. f is L-Lipschitz with
/// L ≤ ‖w₂‖ ‖W₁‖ ≤ b² h √d (Lemma 1), so that (mean f(x) − mean f(y)) / L is at most W₁ of the two samples.
public struct Potential: Sendable {
  /// Weights and, last, the bias of each hidden unit: (h, d + 1).
  private(set) var hidden: Tensor
  /// Weights of the value, (h, 1).
  public private(set) var output: Tensor
  /// b.
  public let bound: Double
  /// c: (1, d).
  public private(set) var centre: Tensor

  /// Draws a potential whose parameters are uniform in the tenth of [−bound, bound] around zero.
  public init(dimension: Int, hidden count: Int, bound: Double, using random: inout RandomSource) {
    hidden = (random.uniform([count, dimension + 1]) * 2 - 1) * (bound / 10)
    output = (random.uniform([count, 1]) * 2 - 1) * (bound / 10)
    centre = .zeros([1, dimension])
    self.bound = bound
  }

  /// A potential of given parameters, W₁ (h, d), b₁ (h, 1) and w₂ (h, 1), with c = 0.
  public init(weights: Tensor, biases: Tensor, output: Tensor, bound: Double) throws(TensorError) {
    hidden = try Tensor.concatenated([weights, biases], axis: 1)
    precondition(
      biases.shape == [weights.shape[0], 1] && output.shape == biases.shape,
      "biases \(biases.shape) and output \(output.shape) do not go with weights \(weights.shape)")
    (self.output, self.bound, centre) = (output, bound, .zeros([1, weights.shape[1]]))
  }

  /// Weights of the hidden layer, (h, d).
  public var weights: Tensor {
    get throws(TensorError) { try hidden.slice(axis: 1, from: 0, to: hidden.shape[1] - 1) }
  }

  /// Biases of the hidden layer, (h, 1).
  public var biases: Tensor {
    get throws(TensorError) { try hidden.slice(axis: 1, from: hidden.shape[1] - 1, to: hidden.shape[1]) }
  }

  /// mean f(x) − mean f(y), a scalar, of x (n, d) and y (m, d); differentiable in both.
  public func difference(from y: Tensor, to x: Tensor) throws(TensorError) -> Tensor {
    try values(of: x).mean() - values(of: y).mean()
  }

  /// f at every row: (n, d) → (n, 1).
  public func values(of points: Tensor) throws(TensorError) -> Tensor {
    try Self.withConstant(points - centre).matmul(hidden.transposed()).relu().matmul(output)
  }

  /// ∇f at every row: (n, d) → (n, d).
  public func gradients(at points: Tensor) throws(TensorError) -> Tensor {
    let open = try Self.withConstant(points - centre).matmul(hidden.transposed()) .> 0
    return try (open.to(.float32) * output.transposed()).matmul(weights)
  }

  /// The potential after `steps` steps that raise `difference`, each parameter brought back into [−bound, bound] after each.
  ///
  /// - Parameters:
  ///   - batch: rows of x that a step looks at; they take turns.
  ///   - report: told the potential before every step.
  public func ascended(
    from y: Tensor, to x: Tensor, steps: Int, rate: Double, batch: Int = .max,
    report: ((Potential) throws(TensorError) -> Void)? = nil
  ) throws(TensorError) -> Potential {
    var f = self
    f.centre = try (x.mean(axes: [0], keepDims: true) + y.mean(axes: [0], keepDims: true)) * 0.5
    let (x, y) = (try Self.withConstant(x - f.centre), try Self.withConstant(y - f.centre))
    var batches: [(points: Tensor, transposed: Tensor, shares: Tensor)] = []
    for range in evenRanges(x.shape[0], atMost: min(batch, x.shape[0])) {
      let points = try Tensor.concatenated(
        [x.slice(axis: 0, from: range.lowerBound, to: range.upperBound), y], axis: 0)
      // The difference is Σ shares · f; Adam goes down, so what it is given is the negative.
      let shares =
        Array(repeating: -1 / Float(range.count), count: range.count)
        + Array(repeating: 1 / Float(y.shape[0]), count: y.shape[0])
      batches.append((points, try points.transposed(), Tensor(shares, shape: [1, shares.count])))
    }
    var adam = Adam(learningRate: rate)
    for step in 0..<steps {
      try report?(f)
      let (points, transposed, shares) = batches[step % batches.count]
      let z = try f.hidden.matmul(transposed)
      let inner = (z .> 0).to(.float32) * shares
      var parameters = [f.hidden, f.output]
      try adam.step(
        &parameters, [(inner * f.output).matmul(points), (z * inner).sum(axes: [1], keepDims: true)])
      f.hidden = parameters[0].clamped(min: -bound, max: bound)
      f.output = parameters[1].clamped(min: -bound, max: bound)
    }
    return f
  }

  /// ‖w₂‖ ‖W₁‖, which bounds the Lipschitz constant (the proof of Lemma 1, equation 13).
  public var lipschitzBound: Double {
    get throws(TensorError) { try (output.squared().sum().item * weights.squared().sum().item).squareRoot() }
  }

  /// What `difference` is multiplied by so that its gradient at y has the length of that of ‖mean x − mean y‖² there.
  func lengthOfDM(from y: Tensor, to x: Tensor) throws(TensorError) -> Double {
    let (m, length) = (Double(y.shape[0]), try gradients(at: y).squared().sum().item.squareRoot())
    let distance = try (x.mean(axes: [0]) - y.mean(axes: [0])).squared().sum().item.squareRoot()
    return length > 0 ? 2 * distance * m.squareRoot() / length : 0
  }

  /// Rows with a one at their end, which the bias is multiplied by: (n, d) → (n, d + 1).
  private static func withConstant(_ points: Tensor) throws(TensorError) -> Tensor {
    try Tensor.concatenated([points, .ones([points.shape[0], 1])], axis: 1)
  }
}
