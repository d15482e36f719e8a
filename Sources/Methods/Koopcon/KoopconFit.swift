internal import Datasets
internal import Foundation
internal import Networks
internal import Tensors

private func classifierOptimizer(_ options: Koopcon) -> SGD {
  SGD(learningRate: options.classifierLearningRate, momentum: 0.9, weightDecay: 5e-4)
}

/// Algorithm 1 between two steps.
struct KoopconFit<Real: RealImages> {
  private let real: Real
  private let options: Koopcon
  private let coding: AutoencoderOptions
  private let classifierShape: Architecture
  private let strategy: AugmentationStrategy
  private let normalization: Normalization
  private let random: RandomSource
  private let transport: Transport
  /// The classes of which something is made, and how much.
  private let counts: [Int]

  private var autoencoder: Autoencoder
  private var attention: SelfAttention
  private var classifier: Network
  private var koopman: Koopman?

  private var codingAdam: Adam
  private var attentionAdam: Adam
  private var mapAdam: Adam
  private var classifierSGD: SGD

  /// What begins when the warm-up ends.
  private struct Koopman {
    /// Mean and deviation of the encoder's numbers, (d) each.
    var mean: Tensor
    var deviation: Tensor
    /// P_c = n_c · T_c, (n'_c, n_c), of the classes in `labels`.
    var scaledMaps: [Tensor]
    var labels: [Int]
    var latents = Latents()
  }

  /// Y and SA(Y) of every class as they were computed last, and what transport compares with.
  private struct Latents {
    var raw: [Tensor] = []
    var attended: [Tensor] = []
    /// A sample of Y and its own OT_ε, for L_W.
    var targets: [(points: Tensor, own: Double)] = []
    /// Whether the encoder and the attention have not moved since.
    var areCurrent = false
  }

  init(
    _ real: Real, counts: [Int], normalization: Normalization, options: Koopcon, random: RandomSource
  ) throws(TensorError) {
    for (label, count) in counts.enumerated() {
      precondition(
        count <= real.count(ofClass: label),
        "class \(label) has \(real.count(ofClass: label)) images, from which \(count) cannot be made")
    }
    self.real = real
    self.counts = counts
    self.normalization = normalization
    self.options = options
    let task = CondensingTask(real, counts: counts)
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
    if number > 0, number % options.classifierLife == 0 {
      var draw = random.split("classifier", number / options.classifierLife)
      classifier = Network(classifierShape, using: &draw)
      classifierSGD = classifierOptimizer(options)
    }
    var draw = random.split("step", number)
    let batch = try drawBatch(using: &draw)
    var losses = Losses()
    var gradients = Gradients(autoencoder, attention, classifier)
    var latentGradient: Tensor?
    if koopman != nil {
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
  private func fallen(_ step: Int, of schedule: Int) -> Double {
    0.1 + 0.9 * 0.5 * (1 + cos(.pi * min(1, Double(step) / Double(max(1, schedule)))))
  }

  /// Sums of gradients over the parts of a step; nil where nothing was computed.
  private struct Gradients {
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
  private struct Batch {
    var labels: [Int]
    /// Sorted places in each of the classes.
    var places: [[Int]]
    /// The chunk of attention that the places lie in.
    var chunks: [Range<Int>]
    /// All of them, normalised, class by class.
    var images: Tensor
  }

  private func drawBatch(using random: inout RandomSource) throws(TensorError) -> Batch {
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

  // MARK: Lines 12-20

  /// Lines 12 to 14 and what the losses of X' and Y' say of T, SA, φ⁻¹ and f; returns the gradient at the batch's raw codes.
  private mutating func condensed(
    _ batch: Batch, isSettling: Bool, _ losses: inout Losses, _ gradients: inout Gradients,
    using random: inout RandomSource
  ) throws(TensorError) -> Tensor? {
    guard let koopman else { return nil }
    gradients.maps = Array(repeating: nil, count: koopman.labels.count)
    let fresh = isSettling ? nil : try standardized(codes(batch.images), koopman)  // line 12
    var condensedLatents: [Tensor] = []  // Y'_c
    var freshOfClass: [Tensor?] = []
    var start = 0
    for (place, label) in batch.labels.enumerated() {
      let end = start + batch.places[place].count
      defer { start = end }
      guard let index = koopman.labels.firstIndex(of: label) else { continue }
      let rows = try fresh?.slice(axis: 0, from: start, to: end)
      freshOfClass.append(rows)
      condensedLatents.append(
        try packed(koopman.scaledMaps[index], attention, rows, batch, place, index, koopman))  // line 13
    }
    // Transport between Y and Y', for L_W and for the pixels that X' is compared with.
    let needsTransport = options.weights.transport != 0 || comparesPixels
    var problems: [Tensor] = []
    for (latents, target) in zip(condensedLatents, koopman.latents.targets) where needsTransport {
      problems.append(try transport.costs(target.points, latents))
    }
    let solutions = try transport.solve(problems)
    // What X' says of Y', φ⁻¹ and f.
    var pulls: [Tensor] = condensedLatents.map { Tensor.zeros($0.shape) }
    try judged(condensedLatents, batch, solutions, koopman, &pulls, &losses, &gradients, using: &random)
    // That, and what transport and covariance say, reaches T, SA and φ.
    var freshGradients: [Tensor] = []
    var transported = 0.0
    var spread = 0.0
    for (index, label) in koopman.labels.enumerated() {
      guard let place = batch.labels.firstIndex(of: label) else { continue }
      let latents = condensedLatents[index]
      if options.weights.transport != 0 {
        let (value, gradient) = try transportLoss(latents, koopman.latents.targets[index], solutions[index])
        transported += value / Double(koopman.labels.count)
        pulls[index] += gradient * (options.weights.transport / Double(koopman.labels.count))
      }
      if options.weights.covariance != 0 {
        let (value, found) = try valueAndGradients(at: [latents]) { points throws(TensorError) in
          try Koopcon.covarianceLoss(points[0])
        }
        spread += value.item / Double(koopman.labels.count)
        pulls[index] += found[0] * (options.weights.covariance / Double(koopman.labels.count))
      }
      let pull = pulls[index]
      var points = [koopman.scaledMaps[index]]
      let rows = freshOfClass[index]
      if let rows { points += attention.parameters + [rows] }
      let (_, found) = try valueAndGradients(at: points) { points throws(TensorError) in
        let attention = points.count > 1 ? self.attention.with(parameters: Array(points[1...4])) : self.attention
        let packed = try self.packed(
          points[0], attention, points.count > 1 ? points[5] : nil, batch, place, index, koopman)
        return (packed * pull).sum()
      }
      gradients.maps[index] = found[0]
      if rows != nil {
        Gradients.add(found[1...4], to: &gradients.attention)
        freshGradients.append(found[5])
      }
    }
    if options.weights.transport != 0 { losses.transport = transported }
    if options.weights.covariance != 0 { losses.covariance = spread }
    guard fresh != nil else { return nil }
    // Classes of which nothing is made have no say: zeros in their place keep the batch's order.
    var all: [Tensor] = []
    for (place, label) in batch.labels.enumerated() {
      let index = koopman.labels.firstIndex(of: label)
      all.append(index.map { freshGradients[$0] } ?? .zeros([batch.places[place].count, coding.latent]))
    }
    return try Tensor.concatenated(all, axis: 0) / koopman.deviation
  }

  /// Line 13, Y'_c ← T_c · SA(Y_c), with the fresh latents of some samples of one chunk in place of the stored ones.
  private func packed(
    _ scaledMap: Tensor, _ attention: SelfAttention, _ fresh: Tensor?, _ batch: Batch, _ place: Int, _ index: Int,
    _ koopman: Koopman
  ) throws(TensorError) -> Tensor {
    let stored = koopman.latents.attended[index]
    let map = scaledMap / Double(scaledMap.shape[1])
    let whole = try map.matmul(stored)
    guard let fresh else { return whole }
    let chosen = Set(batch.places[place])
    let rest = batch.chunks[place].filter { !chosen.contains($0) }
    let order = Tensor(integers: batch.places[place] + rest)
    var tokens = fresh
    if !rest.isEmpty {
      let others = try koopman.latents.raw[index].indexed(by: Tensor(integers: rest))
      tokens = try Tensor.concatenated([fresh, others], axis: 0)
    }
    let change = try attention(tokens.unsqueezed(0)).squeezed(0) - stored.indexed(by: order)
    return try whole + map.indexed(by: order, axis: 1).matmul(change)
  }

  /// Line 14, X' ← φ⁻¹(Y') for some rows of every class, and the losses of X': cross entropy, features and transported
  /// pixels.
  private func judged(
    _ latents: [Tensor], _ batch: Batch, _ solutions: [Transport.Solution], _ koopman: Koopman,
    _ pulls: inout [Tensor], _ losses: inout Losses, _ gradients: inout Gradients,
    using random: inout RandomSource
  ) throws(TensorError) {
    let weights = options.weights
    guard comparesPixels || weights.classification != 0 || weights.matching != 0 else { return }
    var rows: [(index: Int, row: Int)] = []
    for (index, latent) in latents.enumerated() {
      let count = latent.shape[0]
      rows += random.choice(min(options.decodedPerClass, count), of: count).sorted().map { (index, $0) }
    }
    var assigned: [Assigned] = []
    for (index, latent) in latents.enumerated() where comparesPixels {
      assigned.append(try assignedPixels(latent, solutions[index], index, batch, koopman))
    }
    let matching = try matched(rows, latents, koopman, &losses, using: &random)
    let encoderParameters = coding.encoderParameterCount
    let decoderParameters = Array(autoencoder.parameters[encoderParameters...])
    let values = Double(batch.images.count / batch.images.shape[0])
    var crossEntropy = 0.0
    var pixels = 0.0
    for range in evenRanges(rows.count, atMost: chunkSize) {
      let members = rows[range]
      var pieces: [Tensor] = []
      for member in members { pieces.append(try latents[member.index].slice(from: member.row, to: member.row + 1)) }
      let codes = try Tensor.concatenated(pieces, axis: 0)
      let transformations = strategy.drawOne(
        rows: members.count, height: coding.height, width: coding.width, using: &random)
      let targets = oneHot(members.map { koopman.labels[$0.index] }, classes: classifierShape.classes)
      // Σ_i π_ij ‖x'_j − x_i‖² by what it needs of each j: Σ_i π_ij, Σ_i π_ij x_i and Σ_i π_ij ‖x_i‖².
      let wanted = comparesPixels ? try Assigned(rows: members.map { (assigned[$0.index], $0.row) }) : nil
      let pull = try matching?.slice(from: range.lowerBound, to: range.upperBound)
      var parts: (crossEntropy: Tensor, pixels: Tensor) = (Tensor(0), Tensor(0))
      let share = 1 / Double(rows.count)
      let (_, found) = try valueAndGradients(
        at: [codes] + decoderParameters + (weights.classification != 0 ? classifier.parameters : [])
      ) { points throws(TensorError) in
        let decoder = autoencoder.with(
          parameters: Array(autoencoder.parameters[..<encoderParameters] + points[1...decoderParameters.count]))
        let images = try decoder.decode(points[0] * koopman.deviation + koopman.mean)
        if weights.classification != 0 {
          let classifier = self.classifier.with(parameters: Array(points[(1 + decoderParameters.count)...]))
          let logits = try classifier(augmented(images, by: transformations))
          parts.crossEntropy = try (targets * logits.logSoftmax(axis: 1)).sum() * -share
        }
        if let wanted {
          let flat = try images.flattened(from: 1)
          let own = try flat.squared().sum(axes: [1]) * wanted.shares
          let distances = try own - (flat * wanted.means).sum(axes: [1]) * 2 + wanted.squares
          parts.pixels = distances.sum() * (1 / (values * Double(latents.count)))
        }
        let pulled = pull.map { (images * $0).sum() } ?? Tensor(0)
        return parts.crossEntropy * weights.classification + pulled
          + parts.pixels * (weights.reconstruction * options.transportedPixels)
      }
      crossEntropy += parts.crossEntropy.item
      pixels += parts.pixels.item
      for (position, member) in members.enumerated() {
        let row = try found[0].slice(from: position, to: position + 1)
        let count = pulls[member.index].shape[0]
        pulls[member.index] += try row.padded([0, 0, member.row, count - member.row - 1])
      }
      Gradients.add(found[1...decoderParameters.count], to: &gradients.autoencoder, from: encoderParameters)
      // The weight of L_ce is the share that X' gets of it; f itself learns at its own rate.
      Gradients.add(
        found[(1 + decoderParameters.count)...].map { $0 / weights.classification }, to: &gradients.classifier)
    }
    if weights.classification != 0 { losses.classification = (losses.classification ?? 0) + crossEntropy }
    if comparesPixels {
      losses.reconstruction = (losses.reconstruction ?? 0) + options.transportedPixels * pixels
    }
  }

  /// L_fm, and its weighted gradient at the pixels of the decoded rows, in their order; holds the real images of one class at a time.
  private func matched(
    _ rows: [(index: Int, row: Int)], _ latents: [Tensor], _ koopman: Koopman,
    _ losses: inout Losses, using random: inout RandomSource
  ) throws(TensorError) -> Tensor? {
    guard options.weights.matching != 0 else { return nil }
    let (height, width) = (coding.height, coding.width)
    // One A for both sides of each class.
    let transformations = koopman.labels.map { _ in
      strategy.drawOne(rows: 1, height: height, width: width, using: &random)
    }
    var gradients: [Tensor] = []
    var distances = 0.0
    // Of the embeddings of real images, over all classes.
    var (squares, count) = (0.0, 0)
    for (index, label) in koopman.labels.enumerated() {
      let total = real.count(ofClass: label)
      let chosen = random.choice(min(options.matchingSample, total), of: total).sorted()
      let images = try normalization.normalized(bytes: real.images(ofClass: label, at: chosen))
      let embeddings = try embedded(augmented(images, by: transformations[index]), in: classifier)
      let mean = try embeddings.mean(axes: [0])
      squares += embeddings.squared().sum().item
      count += chosen.count
      let places = rows.filter { $0.index == index }.map(\.row)
      let codes = try latents[index].indexed(by: Tensor(integers: places)) * koopman.deviation + koopman.mean
      let (distance, found) = try valueAndGradients(at: [autoencoder.decode(codes)]) { points throws(TensorError) in
        let few = try embeddedKeepingGraph(augmented(points[0], by: transformations[index]), in: classifier)
        return try Koopcon.matchingLoss(few, to: mean, squaredLength: 1)
      }
      distances += distance.item
      gradients.append(found[0])
    }
    let scale = 1 / (max(squares / Double(count), 1e-12) * Double(latents.count))
    losses.matching = distances * scale
    return try Tensor.concatenated(gradients, axis: 0) * (options.weights.matching * scale)
  }

  /// The batch's images of one class.
  private func images(ofClass label: Int, in batch: Batch) throws(TensorError) -> Tensor {
    guard let place = batch.labels.firstIndex(of: label) else {
      preconditionFailure("class \(label) has no samples in the batch")
    }
    let start = batch.places[..<place].reduce(0) { $0 + $1.count }
    return try batch.images.slice(from: start, to: start + batch.places[place].count)
  }

  /// What transport assigns to condensed images j from samples i of a batch.
  private struct Assigned {
    /// Σ_i π_ij, (rows).
    var shares: Tensor
    /// Σ_i π_ij x_i, (rows, values of an image).
    var means: Tensor
    /// Σ_i π_ij ‖x_i‖², (rows).
    var squares: Tensor

    init(_ plan: Tensor, _ images: Tensor) throws(TensorError) {
      let flat = try images.flattened(from: 1)
      let turned = try plan.transposed()  // (n', m)
      shares = try turned.sum(axes: [1])
      means = try turned.matmul(flat)
      squares = try turned.matmul(flat.squared().sum(axes: [1], keepDims: true)).squeezed(1)
    }

    /// Some rows of several.
    init(rows: [(assigned: Assigned, row: Int)]) throws(TensorError) {
      var parts: [[Tensor]] = [[], [], []]
      for (assigned, row) in rows {
        for (place, tensor) in [assigned.shares, assigned.means, assigned.squares].enumerated() {
          parts[place].append(try tensor.slice(from: row, to: row + 1))
        }
      }
      shares = try Tensor.concatenated(parts[0])
      means = try Tensor.concatenated(parts[1])
      squares = try Tensor.concatenated(parts[2])
    }
  }

  /// What transport assigns to the condensed latents of one class, from the batch's samples of it.
  private func assignedPixels(
    _ latents: Tensor, _ solution: Transport.Solution, _ index: Int, _ batch: Batch, _ koopman: Koopman
  ) throws(TensorError) -> Assigned {
    guard let place = batch.labels.firstIndex(of: koopman.labels[index]) else {
      preconditionFailure("class \(koopman.labels[index]) has no samples in the batch")
    }
    let count = batch.places[place].count
    // The potentials of the condensed latents say where any sample would be sent.
    let samples = try koopman.latents.raw[index].indexed(by: Tensor(integers: batch.places[place]))
    let costs = try transport.costs(samples, latents)
    // Where only some of the condensed images are decoded, each of them stands for others too.
    let rows = latents.shape[0]
    let scale = Double(rows) / Double(count * min(options.decodedPerClass, rows))
    let plan = try ((solution.potentials.columns - costs) / transport.epsilon).softmax(axis: 1) * scale
    return try Assigned(plan, images(ofClass: koopman.labels[index], in: batch))
  }

  /// Line 18, L_W, and its gradient at Y'.
  private func transportLoss(
    _ latents: Tensor, _ target: (points: Tensor, own: Double), _ solution: Transport.Solution
  ) throws(TensorError) -> (Double, Tensor) {
    let (value, gradients) = try valueAndGradients(at: [latents]) { points throws(TensorError) in
      let between = try transport.value(transport.costs(target.points, points[0]), solution)
      return try between - transport.entropicSelf(points[0]) * 0.5
    }
    return (value.item - target.own / 2, gradients[0])
  }

  /// Whether X' is compared with pixels.
  private var comparesPixels: Bool { options.weights.reconstruction != 0 && options.transportedPixels != 0 }

  /// Line 15, L_re on X, with what the losses of X' say of φ through the batch's latents.
  private func reconstructed(
    _ batch: Batch, _ latentGradient: Tensor?, isSettling: Bool, _ losses: inout Losses,
    _ gradients: inout Gradients, using random: inout RandomSource
  ) throws(TensorError) {
    let weight = options.weights.reconstruction
    guard weight != 0 || latentGradient != nil else { return }
    let count = batch.images.shape[0]
    let form = coding.form
    let noise = form == .variational ? random.normal([count, coding.latent]) : nil
    let values = Double(batch.images.count)
    var sum = 0.0
    for range in evenRanges(count, atMost: chunkSize) {
      let (from, to) = (range.lowerBound, range.upperBound)
      let images = try batch.images.slice(from: from, to: to)
      let pull = try latentGradient?.slice(from: from, to: to)
      var loss = Tensor(0)
      let (_, found) = try valueAndGradients(at: autoencoder.parameters) { parameters throws(TensorError) in
        let network = autoencoder.with(parameters: parameters)
        var codes: Tensor
        var divergence = Tensor(0)
        var used: Tensor
        if let noise {
          let (mean, logVariance) = try network.distribution(images)
          codes = mean
          used = try mean + (logVariance * 0.5).exp() * noise.slice(from: from, to: to)
          divergence = (mean.squared() + logVariance.exp() - logVariance - 1).sum() * 0.5
        } else {
          codes = try network.encode(images)
          used = codes
        }
        // φ stands still while the latents that T sees are to stay what they are.
        if isSettling { used = used.detached() }
        loss = try ((network.decode(used) - images).squared().sum() + divergence * options.prior) * (1 / values)
        let pulled = pull.map { (codes * $0).sum() } ?? Tensor(0)
        return weight == 0 ? pulled : loss * weight + pulled
      }
      sum += loss.item
      Gradients.add(found, to: &gradients.autoencoder)
    }
    if weight != 0 { losses.reconstruction = (losses.reconstruction ?? 0) + sum }
  }

  /// Whether anything asks what f answers: then f learns, whatever the weight.
  private var needsClassifier: Bool { options.weights.classification != 0 || options.weights.matching != 0 }

  /// Lines 16 and 17, L_ce on X.
  private func classified(
    _ batch: Batch, _ losses: inout Losses, _ gradients: inout Gradients, using random: inout RandomSource
  ) throws(TensorError) {
    guard needsClassifier else { return }
    let transformations = strategy.drawOne(
      rows: batch.images.shape[0], height: coding.height, width: coding.width, using: &random)
    let labels = zip(batch.labels, batch.places).flatMap { Array(repeating: $0, count: $1.count) }
    let (loss, found, _) = try crossEntropy(
      of: classifier, images: augmented(batch.images, by: transformations),
      targets: oneHot(labels, classes: classifierShape.classes))
    if options.weights.classification != 0 { losses.classification = (losses.classification ?? 0) + loss }
    Gradients.add(found, to: &gradients.classifier)
  }

  // MARK: Line 21

  private mutating func update(_ gradients: Gradients, isSettling: Bool) throws(TensorError) {
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
    if needsClassifier {
      var parameters = classifier.parameters
      try classifierSGD.step(&parameters, complete(gradients.classifier, parameters))
      classifier = classifier.with(parameters: parameters)
    }
  }

  // MARK: The sample axis

  /// The end of the warm-up: the statistics of the latents, and T as block averages.
  private mutating func beginKoopman() throws(TensorError) {
    let width = coding.latent
    var sums = Tensor.zeros([width], dtype: .float64)
    var squares = sums
    var total = 0
    var codesOfClass: [Tensor?] = Array(repeating: nil, count: real.classCount)
    for label in 0..<real.classCount where real.count(ofClass: label) > 0 {
      let codes = try classCodes(label)
      if counts[label] > 0 { codesOfClass[label] = codes }
      let exact = codes.to(.float64)
      sums += try exact.sum(axes: [0])
      squares += try exact.squared().sum(axes: [0])
      total += codes.shape[0]
    }
    let mean = sums / Double(total)
    let variance = (squares / Double(total) - mean.squared()).clamped(min: 0)
    // A number that says nothing must not become one that says most.
    let floor = max(variance.mean().item * 1e-4, 1e-12)
    let statistics = (mean: mean.to(.float32), deviation: variance.clamped(min: floor).sqrt().to(.float32))
    let labels = counts.indices.filter { counts[$0] > 0 }
    var begun = Koopman(
      mean: statistics.mean, deviation: statistics.deviation, scaledMaps: [], labels: labels)
    for label in labels {
      var draw = random.split("k-means", label)
      guard let codes = codesOfClass[label] else { preconditionFailure("class \(label) has no images") }
      let latents = try standardized(codes, begun)
      let groups = try kMeans(latents, count: counts[label], using: &draw)
      begun.scaledMaps.append(blockAverages(groups, count: counts[label]) * Double(groups.count))
      begun.latents.raw.append(latents)
    }
    koopman = begun
  }

  /// Computes all latents anew.
  private mutating func refresh() throws(TensorError) {
    guard let koopman else { return }
    var latents = Latents()
    // Right after the warm-up they have just been computed.
    let areFresh = koopman.latents.attended.isEmpty
    for (index, label) in koopman.labels.enumerated() {
      let raw = areFresh ? koopman.latents.raw[index] : try standardized(classCodes(label), koopman)
      var attended: [Tensor] = []
      for first in stride(from: 0, to: raw.shape[0], by: KoopconModel.attentionChunk) {
        let chunk = try raw.slice(from: first, to: min(first + KoopconModel.attentionChunk, raw.shape[0]))
        attended.append(try attention(chunk.unsqueezed(0)).squeezed(0))
      }
      var draw = random.split("transport", label)
      let sample = draw.choice(min(options.transportSample, raw.shape[0]), of: raw.shape[0]).sorted()
      let points = try raw.indexed(by: Tensor(integers: sample))
      let own = options.weights.transport == 0 ? 0 : try transport.entropicSelf(points).item
      latents.raw.append(raw)
      latents.attended.append(try Tensor.concatenated(attended, axis: 0))
      latents.targets.append((points, own))
    }
    latents.areCurrent = true
    self.koopman?.latents = latents
  }

  private func classCodes(_ label: Int) throws(TensorError) -> Tensor {
    let total = real.count(ofClass: label)
    var parts: [Tensor] = []
    for start in stride(from: 0, to: total, by: 8 * chunkSize) {
      let images = real.images(ofClass: label, at: Array(start..<min(start + 8 * chunkSize, total)))
      parts.append(try codes(normalization.normalized(bytes: images)))
    }
    return try Tensor.concatenated(parts, axis: 0)
  }

  private func codes(_ images: Tensor) throws(TensorError) -> Tensor {
    try inFixedChunks(images) { chunk throws(TensorError) in try autoencoder.encode(chunk) }
  }

  private func standardized(_ codes: Tensor, _ koopman: Koopman) throws(TensorError) -> Tensor {
    (codes - koopman.mean) / koopman.deviation
  }

  /// The model as it is now; a run that ended in its warm-up gets its first T.
  mutating func model() throws(TensorError) -> KoopconModel {
    if koopman == nil { try beginKoopman() }
    guard let koopman else { preconditionFailure("the sample axis has begun") }
    return KoopconModel(
      autoencoder: autoencoder, attention: attention, mean: koopman.mean, deviation: koopman.deviation,
      maps: counts.indices.map { label in
        guard let index = koopman.labels.firstIndex(of: label) else {
          return .zeros([0, real.count(ofClass: label)])
        }
        return koopman.scaledMaps[index] / Double(koopman.scaledMaps[index].shape[1])
      },
      normalization: normalization)
  }
}
