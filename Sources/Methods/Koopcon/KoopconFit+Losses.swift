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
  /// pixels.
  func judged(
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
  func matched(
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

  /// Whether anything asks what f answers: then f learns, whatever the weight.
  var needsClassifier: Bool { options.weights.classification != 0 || options.weights.matching != 0 }

  /// Lines 16 and 17, L_ce on X.
  func classified(
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
}
