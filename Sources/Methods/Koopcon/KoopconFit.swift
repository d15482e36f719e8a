internal import Datasets
internal import Foundation
internal import Networks
internal import Tensors

private func classifierOptimizer(_ options: Koopcon) -> SGD {
  SGD(learningRate: options.classifierLearningRate, momentum: 0.9, weightDecay: 5e-4)
}

/// Algorithm 1 between two steps.
struct KoopconFit<Real: RealImages> {
  let real: Real
  let options: Koopcon
  let coding: AutoencoderOptions
  let classifierShape: Architecture
  let strategy: AugmentationStrategy
  let normalization: Normalization
  let random: RandomSource
  let transport: Transport
  /// The classes of which something is made, and how much.
  let counts: [Int]
  /// Networks that were trained on the real images, whose snapshots are f; nil where `classifier` is f.
  let trajectories: Trajectories?
  /// What f says of the real images in these steps.
  var witness: Witness?

  var autoencoder: Autoencoder
  var attention: SelfAttention
  var classifier: Network
  var koopman: Koopman?

  var codingAdam: Adam
  var attentionAdam: Adam
  var mapAdam: Adam
  var classifierSGD: SGD

  /// What begins when the warm-up ends.
  struct Koopman {
    /// Mean and deviation of the encoder's numbers, (d) each.
    var mean: Tensor
    var deviation: Tensor
    /// P_c = n_c · T_c, (n'_c, n_c), of the classes in `labels`.
    var scaledMaps: [Tensor]
    var labels: [Int]
    var latents = Latents()
  }

  /// Y and SA(Y) of every class as they were computed last, and what transport compares with.
  struct Latents {
    var raw: [Tensor] = []
    var attended: [Tensor] = []
    /// A sample of Y and its own OT_ε, for L_W.
    var targets: [(points: Tensor, own: Double)] = []
    /// Whether the encoder and the attention have not moved since.
    var areCurrent = false
  }

  init(
    _ real: Real, counts: [Int], trajectories: Trajectories?, normalization: Normalization, options: Koopcon,
    random: RandomSource
  ) throws(TensorError) {
    self.real = real
    self.counts = counts
    self.trajectories = trajectories
    self.normalization = normalization
    self.options = options
    let task = MethodTask(real, counts: counts)
    coding = options.autoencoder(for: real.shape)
    classifierShape = options.network.decided(for: task)
    strategy = options.augmentation ?? .none
    self.random = random
    transport = options.transport ?? Transport(scale: 1 / Double(coding.latent))
    var draw = random.split("autoencoder")
    autoencoder = Autoencoder(coding, using: &draw)
    draw = random.split("attention")
    attention = SelfAttention(width: coding.latent, heads: options.heads, using: &draw)
    draw = random.split("classifier", 0)
    classifier = Network(classifierShape, using: &draw)
    codingAdam = Adam(learningRate: options.learningRate, beta2: 0.99)
    attentionAdam = Adam(learningRate: options.learningRate, beta2: 0.99)
    mapAdam = Adam(learningRate: options.mapLearningRate, beta2: 0.99)
    classifierSGD = classifierOptimizer(options)
    autoencoder = try autoencoder.beginning(along: directions())
  }

  /// The principal directions of a sample of the real images, of all classes alike: at most as many as a latent has numbers.
  private func directions() throws(TensorError) -> Tensor {
    var draw = random.split("principal directions")
    let labels = (0..<real.classCount).filter { real.count(ofClass: $0) > 0 }
    var sample: [Tensor] = []
    for label in labels {
      let total = real.count(ofClass: label)
      let chosen = draw.choice(min(max(1, options.directionSample / labels.count), total), of: total).sorted()
      for range in evenRanges(chosen.count, atMost: chunkSize) {
        let images = real.images(ofClass: label, at: Array(chosen[range]))
        sample.append(try autoencoder.shrunk(normalization.normalized(bytes: images)))
      }
    }
    return try principalDirections(
      of: Tensor.concatenated(sample, axis: 0), count: coding.latent, using: &draw)
  }

  // MARK: One step

  /// One step, counted from 0.
  mutating func step(_ number: Int) throws(TensorError) -> StepReport {
    let schedule = options.schedule ?? options.steps ?? 0
    let rate = fallen(number, of: schedule)
    codingAdam.learningRate = options.learningRate * rate
    attentionAdam.learningRate = options.learningRate * rate
    mapAdam.learningRate = options.mapLearningRate * rate
    let isWarmingUp = number < Int(options.warmUp * Double(schedule))
    let isSettling = !isWarmingUp && number >= schedule - Int(options.settling * Double(schedule))
    if !isWarmingUp {
      if koopman == nil { try beginKoopman() }
      let isDue = number % options.refresh == 0 && !isSettling
      if koopman?.latents.attended.isEmpty ?? true || isDue || (isSettling && !(koopman?.latents.areCurrent ?? false)) {
        try refresh()
      }
    }
    if let life = options.classifierLife, number > 0, number % life == 0 {
      var draw = random.split("classifier", number / life)
      classifier = Network(classifierShape, using: &draw)
      classifierSGD = classifierOptimizer(options)
    }
    var draw = random.split("step", number)
    let batch = try drawBatch(using: &draw)
    var losses = Losses()
    var gradients = Gradients(autoencoder, attention, classifier)
    var latentGradient: Tensor?
    if koopman != nil {
      try callWitness(number, using: &draw)
      latentGradient = try condensed(batch, isSettling: isSettling, &losses, &gradients, using: &draw)
    }
    try reconstructed(batch, latentGradient, isSettling: isSettling, &losses, &gradients, using: &draw)
    try classified(batch, &losses, &gradients, using: &draw)
    try update(gradients, isSettling: isSettling)  // line 21
    return StepReport(
      step: number + 1, steps: options.steps ?? 0, loss: losses.total(options.weights),
      gradientNorm: gradients.norm,
      terms: losses.terms)
  }

  /// 1 at first and a tenth at the end of the schedule, along a cosine.
  func fallen(_ step: Int, of schedule: Int) -> Double {
    0.1 + 0.9 * 0.5 * (1 + cos(.pi * min(1, Double(step) / Double(max(1, schedule)))))
  }

  /// Sums of gradients over the parts of a step; nil where nothing was computed.
  struct Gradients {
    var autoencoder: [Tensor?]
    var attention: [Tensor?]
    var maps: [Tensor?] = []
    var classifier: [Tensor?]

    init(_ autoencoder: Autoencoder, _ attention: SelfAttention, _ classifier: Network) {
      self.autoencoder = Array(repeating: nil, count: autoencoder.parameters.count)
      self.attention = Array(repeating: nil, count: attention.parameters.count)
      self.classifier = Array(repeating: nil, count: classifier.parameters.count)
    }

    static func add(_ found: some Sequence<Tensor>, to sums: inout [Tensor?], from first: Int = 0) {
      for (place, gradient) in found.enumerated() {
        sums[first + place] = sums[first + place].map { $0 + gradient } ?? gradient
      }
    }

    /// Euclidean length of the gradient of P, which is what is condensed.
    var norm: Double {
      maps.reduce(0) { $0 + ($1?.squared().sum().item ?? 0) }.squareRoot()
    }
  }

  /// Real images of every class: their places in it, and their pixels.
  struct Batch {
    var labels: [Int]
    /// Sorted places in each of the classes.
    var places: [[Int]]
    /// The chunk of attention that the places lie in.
    var chunks: [Range<Int>]
    /// All of them, normalised, class by class.
    var images: Tensor
  }

  func drawBatch(using random: inout RandomSource) throws(TensorError) -> Batch {
    let labels = (0..<real.classCount).filter { real.count(ofClass: $0) > 0 }
    let share = max(1, options.batch / labels.count)
    var places: [[Int]] = []
    var chunks: [Range<Int>] = []
    var images: [Tensor] = []
    for label in labels {
      let total = real.count(ofClass: label)
      let pieces = (total + KoopconModel.attentionChunk - 1) / KoopconModel.attentionChunk
      let first = random.integer(below: pieces) * KoopconModel.attentionChunk
      let chunk = koopman == nil ? 0..<total : first..<min(first + KoopconModel.attentionChunk, total)
      let chosen = random.choice(min(share, chunk.count), of: chunk.count).map { chunk.lowerBound + $0 }.sorted()
      places.append(chosen)
      chunks.append(chunk)
      images.append(real.images(ofClass: label, at: chosen))
    }
    return Batch(
      labels: labels, places: places, chunks: chunks,
      images: try normalization.normalized(bytes: Tensor.concatenated(images, axis: 0)))
  }

  // MARK: Line 21

  mutating func update(_ gradients: Gradients, isSettling: Bool) throws(TensorError) {
    func complete(_ found: [Tensor?], _ parameters: [Tensor]) -> [Tensor] {
      zip(found, parameters).map { $0 ?? .zeros($1.shape) }
    }
    var parameters = autoencoder.parameters
    var found = complete(gradients.autoencoder, parameters)
    let kept = Array(parameters[..<coding.encoderParameterCount])
    if isSettling { found.replaceSubrange(..<kept.count, with: kept.map { .zeros($0.shape) }) }
    try codingAdam.step(&parameters, found)
    // A gradient of zero still moves a parameter by its momentum.
    if isSettling { parameters.replaceSubrange(..<kept.count, with: kept) }
    autoencoder = autoencoder.with(parameters: parameters)
    if koopman != nil {
      if !isSettling {
        var parameters = attention.parameters
        try attentionAdam.step(&parameters, complete(gradients.attention, parameters))
        attention = attention.with(parameters: parameters)
        koopman?.latents.areCurrent = false
      }
      var maps = koopman?.scaledMaps ?? []
      try mapAdam.step(&maps, complete(gradients.maps, maps))
      koopman?.scaledMaps = maps
    }
    if classifierLearns {
      var parameters = classifier.parameters
      try classifierSGD.step(&parameters, complete(gradients.classifier, parameters))
      classifier = classifier.with(parameters: parameters)
    }
  }
}
