internal import Datasets
internal import Foundation
internal import Networks
internal import Tensors

extension KoopconFit {
  // MARK: Lines 12-20

  /// Lines 12 to 14 and what the losses of X' and Y' say of T, SA, φ⁻¹ and f; returns the gradient at the batch's raw codes.
  mutating func condensed(
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
  func packed(
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
  /// pixels; class by class.
  func judged(
    _ latents: [Tensor], _ batch: Batch, _ solutions: [Transport.Solution], _ koopman: Koopman,
    _ pulls: inout [Tensor], _ losses: inout Losses, _ gradients: inout Gradients,
    using random: inout RandomSource
  ) throws(TensorError) {
    guard comparesPixels || asksWitness || asksClassifier else { return }
    let weights = options.weights
    let encoderParameters = coding.encoderParameterCount
    let decoderParameters = Array(autoencoder.parameters[encoderParameters...])
    let values = Double(batch.images.count / batch.images.shape[0])
    let share = 1 / Double(latents.count)
    var sums = (crossEntropy: 0.0, features: 0.0, pixels: 0.0)
    for (index, latent) in latents.enumerated() {
      let count = latent.shape[0]
      let rows = random.choice(min(options.decodedPerClass, count), of: count).sorted()
      let codes = try latent.indexed(by: Tensor(integers: rows))
      let target = oneHot(Array(repeating: koopman.labels[index], count: rows.count), classes: classifierShape.classes)
      let transformations = strategy.drawOne(
        rows: rows.count, height: coding.height, width: coding.width, using: &random)
      // Σ_i π_ij ‖x'_j − x_i‖² by what it needs of each j: Σ_i π_ij, Σ_i π_ij x_i and Σ_i π_ij ‖x_i‖².
      let wanted =
        comparesPixels ? try assignedPixels(latent, solutions[index], index, batch, koopman).rows(rows) : nil
      var parts: (crossEntropy: Tensor, features: Tensor, pixels: Tensor) = (Tensor(0), Tensor(0), Tensor(0))
      let (_, found) = try valueAndGradients(
        at: [codes] + decoderParameters + (asksClassifier ? classifier.parameters : [])
      ) { points throws(TensorError) in
        let decoder = autoencoder.with(
          parameters: Array(autoencoder.parameters[..<encoderParameters] + points[1...decoderParameters.count]))
        let images = try decoder.decode(points[0] * koopman.deviation + koopman.mean)
        let shown = try shown(images)
        func entropy(_ logits: Tensor) throws(TensorError) -> Tensor {
          try (target * logits.logSoftmax(axis: 1)).sum() * (-share / Double(rows.count))
        }
        if let witness, asksWitness {
          let embeddings = try embeddedKeepingGraph(
            augmented(shown, by: witness.transformations[index]), in: witness.network)
          parts.features =
            try Koopcon.matchingLoss(embeddings, to: witness.means[index], squaredLength: witness.squaredLength) * share
          if trajectories != nil { parts.crossEntropy = try entropy(witness.network.logits(ofEmbeddings: embeddings)) }
        }
        if asksClassifier {
          let classifier = self.classifier.with(parameters: Array(points[(1 + decoderParameters.count)...]))
          parts.crossEntropy = try entropy(classifier(augmented(shown, by: transformations)))
        }
        if let wanted {
          let flat = try images.flattened(from: 1)
          let own = try flat.squared().sum(axes: [1]) * wanted.shares
          let distances = try own - (flat * wanted.means).sum(axes: [1]) * 2 + wanted.squares
          parts.pixels = distances.sum() * (share / values)
        }
        return parts.crossEntropy * weights.classification + parts.features * weights.matching
          + parts.pixels * (weights.reconstruction * options.transportedPixels)
      }
      sums.crossEntropy += parts.crossEntropy.item
      sums.features += parts.features.item
      sums.pixels += parts.pixels.item
      for (position, row) in rows.enumerated() {
        let pull = try found[0].slice(from: position, to: position + 1)
        pulls[index] += try pull.padded([0, 0, row, count - row - 1])
      }
      Gradients.add(found[1...decoderParameters.count], to: &gradients.autoencoder, from: encoderParameters)
      // The weight of L_ce is the share that X' gets of it; f itself learns at its own rate.
      Gradients.add(
        found[(1 + decoderParameters.count)...].map { $0 / weights.classification }, to: &gradients.classifier)
    }
    if weights.classification != 0 { losses.classification = (losses.classification ?? 0) + sums.crossEntropy }
    if weights.matching != 0 { losses.matching = sums.features }
    if comparesPixels {
      losses.reconstruction = (losses.reconstruction ?? 0) + options.transportedPixels * sums.pixels
    }
  }

  /// Whether X' is compared with what f says of real images; a snapshot is asked what it recognises in the same pass.
  private var asksWitness: Bool {
    options.weights.matching != 0 || (options.weights.classification != 0 && trajectories != nil)
  }

  /// Whether f learns, and is asked what it recognises in X'.
  private var asksClassifier: Bool { options.weights.classification != 0 && trajectories == nil }

  /// What f says of the real images, for the steps that share it.
  struct Witness {
    /// Number of the step that it was drawn for, in units of the steps that share one.
    let number: Int
    /// f.
    let network: Network
    /// One A for both sides of each class.
    let transformations: [[Transformation]]
    /// Mean of ψ(A(x)) of each class, (k) each.
    let means: [Tensor]
    /// Mean of ‖ψ(A(x))‖² over all classes.
    let squaredLength: Double
  }

  /// Asks f about real images, where anything is to be compared; a snapshot serves several steps.
  mutating func callWitness(_ step: Int, using random: inout RandomSource) throws(TensorError) {
    guard let koopman, asksWitness else { return }
    let number = step / (options.stepsPerWitness ?? 1)
    if let witness, witness.number == number { return }
    var random = trajectories == nil ? random : self.random.split("witness", number)
    let network = trajectories?.snapshot(using: &random) ?? classifier
    let (height, width) = (coding.height, coding.width)
    // One A for both sides of each class.
    let transformations = koopman.labels.map { _ in
      trajectories == nil
        ? strategy.drawOne(rows: 1, height: height, width: width, using: &random)
        : strategy.drawCombined(rows: 1, height: height, width: width, using: &random)
    }
    var means: [Tensor] = []
    var (squares, count) = (0.0, 0)
    for (index, label) in koopman.labels.enumerated() {
      let total = real.count(ofClass: label)
      let chosen = random.choice(min(options.matchingSample, total), of: total).sorted()
      let images = try normalization.normalized(bytes: real.images(ofClass: label, at: chosen))
      let embeddings = try embedded(augmented(images, by: transformations[index]), in: network)
      means.append(try embeddings.mean(axes: [0]))
      squares += embeddings.squared().sum().item
      count += chosen.count
    }
    witness = Witness(
      number: number, network: network, transformations: transformations, means: means,
      squaredLength: max(squares / Double(count), 1e-12))
  }

  /// What a trainer sees of decoded images once they are tiles: shrunk and enlarged.
  func shown(_ images: Tensor) throws(TensorError) -> Tensor {
    guard options.formation.factor > 1 else { return images }
    let tile = options.formation.finest.tileSize(height: coding.height, width: coding.width)
    return try images.upsampled(toHeight: tile.height, width: tile.width)
      .upsampled(toHeight: coding.height, width: coding.width)
  }

  /// The batch's images of one class.
  func images(ofClass label: Int, in batch: Batch) throws(TensorError) -> Tensor {
    guard let place = batch.labels.firstIndex(of: label) else {
      preconditionFailure("class \(label) has no samples in the batch")
    }
    let start = batch.places[..<place].reduce(0) { $0 + $1.count }
    return try batch.images.slice(from: start, to: start + batch.places[place].count)
  }

  /// What transport assigns to condensed images j from samples i of a batch.
  struct Assigned {
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

    /// Those of some condensed images.
    func rows(_ rows: [Int]) throws(TensorError) -> Assigned {
      let chosen = Tensor(integers: rows)
      var some = self
      some.shares = try shares.indexed(by: chosen)
      some.means = try means.indexed(by: chosen)
      some.squares = try squares.indexed(by: chosen)
      return some
    }
  }

  /// What transport assigns to the condensed latents of one class, from the batch's samples of it.
  func assignedPixels(
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
  func transportLoss(
    _ latents: Tensor, _ target: (points: Tensor, own: Double), _ solution: Transport.Solution
  ) throws(TensorError) -> (Double, Tensor) {
    let (value, gradients) = try valueAndGradients(at: [latents]) { points throws(TensorError) in
      let between = try transport.value(transport.costs(target.points, points[0]), solution)
      return try between - transport.entropicSelf(points[0]) * 0.5
    }
    return (value.item - target.own / 2, gradients[0])
  }

  /// Whether X' is compared with pixels.
  var comparesPixels: Bool { options.weights.reconstruction != 0 && options.transportedPixels != 0 }

  /// Line 15, L_re on X, with what the losses of X' say of φ through the batch's latents.
  func reconstructed(
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

  /// Whether f learns: where anything asks what it answers, whatever the weight, and it was not trained beforehand.
  var classifierLearns: Bool {
    trajectories == nil && (options.weights.classification != 0 || options.weights.matching != 0)
  }

  /// Lines 16 and 17, L_ce on X.
  func classified(
    _ batch: Batch, _ losses: inout Losses, _ gradients: inout Gradients, using random: inout RandomSource
  ) throws(TensorError) {
    guard classifierLearns else { return }
    let transformations = strategy.drawOne(
      rows: batch.images.shape[0], height: coding.height, width: coding.width, using: &random)
    let labels = zip(batch.labels, batch.places).flatMap { Array(repeating: $0, count: $1.count) }
    let (loss, found, _) = try crossEntropy(
      of: classifier, images: augmented(batch.images, by: transformations),
      targets: oneHot(labels, classes: classifierShape.classes))
    if options.weights.classification != 0 { losses.classification = (losses.classification ?? 0) + loss }
    Gradients.add(found, to: &gradients.classifier)
  }
}
