public import Datasets
public import Methods
import Networks
public import Shards
import Streaming
import Tensors

/// How a set is compared with real data.
public struct ExplanationRequest: Sendable {
  /// The network, trained on the real images, by whose embeddings images are compared; nil for their values.
  public var features: FeatureNetwork?
  /// Real images to name beside each image of the set.
  public var neighbours = 5
  /// Largest root mean square difference of two images that are the same; 1 is from black to white.
  public var sameness = 0.01
  /// The draw of the random images, and of the network.
  public var seed: UInt64 = 0

  /// The defaults.
  public init() {}
}

/// A comparison of a set with the real data that it stands for, with everything read.
public struct ExplanationPlan: Sendable {
  private let request: ExplanationRequest
  private let training: TrainingImages
  private let real: ClassStore
  private let test: ClassStore?
  private let formation: Formation
  /// The class of each stored image, in the order of the real data's classes.
  private let labels: [Int]
  private let realName: String

  /// Checks that they belong together.
  ///
  /// - Parameter test: the real data's test part, where there is one.
  /// - Throws: `DataError` where the classes, the sizes or the kinds of samples differ.
  public init(
    _ request: ExplanationRequest, of training: TrainingImages, among real: ClassStore, named realName: String,
    test: ClassStore?
  ) throws(DataError) {
    var info = training.info
    info.shape = Array(training.images.shape.dropFirst())
    var described = real.described
    described.name = realName
    try checkAmong(info, described)
    if let test {
      var other = test.described
      other.name = "the test part"
      try checkAmong(other, described)
    }
    formation = info.formation ?? Formation(factor: 1)
    try formation.check(against: described.shape ?? [], at: [info.name])
    let order = info.classNames.map { name in real.classNames.firstIndex(of: name) ?? 0 }
    labels = training.labels.map { order[$0] }
    self.request = request
    self.training = training
    self.real = real
    self.test = test
    self.realName = realName
  }

  /// Images that a trainer sees: every tile of every stored image.
  public var imageCount: Int { labels.count * formation.multiplicity }

  /// Compares, on the compute thread; with pictures of the first images of each class beside their neighbours.
  ///
  /// - Parameter perClass: images per class that get a row of the sheet.
  public func run(
    picturesPerClass perClass: Int, in context: RunContext
  ) throws -> (explanation: Explanation, sheet: [SheetRow]) {
    let space = try self.space(in: context)
    let images = try formation.decoded(training.images)
    let tileLabels = formation.decoded(labels: labels)
    let vectors = try space.vectors(ofTraining: images)
    func compared(_ vectors: Tensor, _ labels: [Int], with store: ClassStore, _ stage: String) throws -> NearestImages {
      try NearestImages(
        of: vectors, labels: labels, among: store, in: space, count: min(request.neighbours, store.count)
      ) { done in
        if context.shouldStop() { throw CancellationError() }
        context.progress(ProgressEvent(stage: stage, done: done, total: store.count, unit: "images"))
      }
    }
    let near = try compared(vectors, tileLabels, with: real, "compare")
    let nearTest = try test.map { try compared(vectors, tileLabels, with: $0, "compare with test") }
    guard countPerClass.indices.contains(where: { countPerClass[$0] > 0 && real.count(ofClass: $0) > 0 }) else {
      throw DataError(
        .badInput, at: [realName], "it has no images of the classes that the set has images of",
        remedy: "give --real the data that it was made from")
    }
    let random = try RandomSelection.select(
      from: real, counts: countPerClass, using: RandomSource(seed: request.seed).split("explanation")
    ).synthetic
    let reference = try compared(
      space.vectors(ofRandom: random, from: real), random.labels, with: real, "compare random")

    var described: [Explanation.Image] = []
    let tiles = formation.multiplicity
    // In the order of the set, where decoded images come tile by tile.
    for stored in labels.indices {
      for tile in 0..<tiles {
        let row = tile * labels.count + stored
        let own = try images.slice(axis: 0, from: row, to: row + 1)
        described.append(
          Explanation.Image(
            key: training.keys[stored], tile: tiles > 1 ? tile : nil, className: real.classNames[labels[stored]],
            represents: near.represented[row],
            nearest: try near.neighbours[row].map { try neighbour($0, of: own, in: real, .train) },
            nearestTest: try nearTest?.neighbours[row].first.map { try neighbour($0, of: own, in: test ?? real, .test) }
          ))
      }
    }
    let explanation = Explanation(
      dataset: training.info.name, real: realName, by: request.features == nil ? "pixels" : "features",
      sameness: request.sameness, classes: coverage(near, reference, described),
      covered: share(near.covered), coveredByRandom: share(reference.covered),
      duplicates: try duplicates(among: images), copies: described.count { isSame($0.nearest) },
      leakage: test.map { leakage(described, testImages: $0.count) }, images: described)
    return (explanation, try sheet(of: images, near, perClass: perClass))
  }

  private var countPerClass: [Int] {
    labels.reduce(into: Array(repeating: 0, count: real.classCount)) { $0[$1] += 1 }
      .enumerated().map { min($1, real.count(ofClass: $0)) }
  }

  private func space(in context: RunContext) throws -> ImageSpace {
    guard let features = request.features else { return .pixels(formation) }
    let normalization = Normalization.measured(on: real)
    let (recipe, cache) = try keptFeatures(
      features, of: real, normalization: nil, seed: request.seed, directory: context.cacheDirectory)
    let control = RunControl(
      progress: { report in
        context.progress(
          ProgressEvent(stage: "features", done: report.step, total: report.steps, unit: "steps", loss: report.loss))
      }, shouldStop: context.shouldStop)
    let network = try cache.made(log: context.log) { () throws(TensorError) in
      try FeatureNetwork.trained(
        on: real, network: recipe.network, normalization: normalization, training: recipe.training,
        using: RandomSource(seed: request.seed), control: control)
    }.network
    return .features(network, normalization)
  }

  private func neighbour(
    _ found: NearestImages.Neighbour, of image: Tensor, in store: ClassStore, _ split: DatasetInfo.Split
  ) throws -> Explanation.Neighbour {
    let (label, index) = (found.source.label, found.source.index)
    let pixels = ImageSpace.pixels(formation)
    let other = try pixels.vectors(ofReal: store.images(ofClass: label, at: [index]))
    let difference = try (pixels.vectors(ofTraining: image) - other).squared().mean().item.squareRoot()
    return Explanation.Neighbour(
      split: split, source: store.source(ofClass: label, at: index), className: store.classNames[label],
      distance: found.distance, difference: difference)
  }

  private func isSame(_ neighbours: [Explanation.Neighbour]) -> Bool {
    neighbours.contains { $0.difference <= request.sameness }
  }

  /// Nil where no real image was counted.
  private func share(_ covered: [(of: Int, count: Int)]) -> Double? {
    let (of, count) = covered.reduce((0, 0)) { ($0.0 + $1.of, $0.1 + $1.count) }
    return count == 0 ? nil : Double(of) / Double(count)
  }

  private func coverage(
    _ near: NearestImages, _ reference: NearestImages, _ images: [Explanation.Image]
  ) -> [Explanation.ClassCoverage] {
    real.classNames.enumerated().map { label, name in
      let own = images.filter { $0.className == name }
      let distances = own.compactMap { $0.nearest.first?.distance }
      return Explanation.ClassCoverage(
        className: name, images: own.count, realImages: real.count(ofClass: label),
        covered: share([near.covered[label]]), coveredByRandom: share([reference.covered[label]]),
        agreeing: own.isEmpty
          ? nil : Double(own.count { $0.nearest.first?.className == name }) / Double(own.count),
        distance: distances.isEmpty ? nil : distances.reduce(0, +) / Double(distances.count),
        idle: own.count { $0.represents == 0 })
    }
  }

  private func duplicates(among images: Tensor) throws -> [Explanation.Pair] {
    let rows = images.shape[0]
    let flat = try images.flattened(from: 1)
    let values = Double(flat.shape[1])
    // By products they are inexact where they are small, so that what may be the same is looked at again.
    let generous = Float((request.sameness + 2e-3) * (request.sameness + 2e-3) * values)
    var pairs: [Explanation.Pair] = []
    for row in 0..<rows {
      let own = try flat.slice(axis: 0, from: row, to: row + 1)
      guard row + 1 < rows else { break }
      let distances = try own.squaredDistances(to: flat.slice(axis: 0, from: row + 1, to: rows)).floats()
      for (offset, squared) in distances.enumerated() where squared <= generous {
        let other = row + 1 + offset
        let difference =
          try (own - flat.slice(axis: 0, from: other, to: other + 1)).squared().mean().item.squareRoot()
        guard difference <= request.sameness else { continue }
        pairs.append(
          Explanation.Pair(
            first: name(row), second: name(other),
            differsInClass: labels[row % labels.count] != labels[other % labels.count], difference: difference))
      }
    }
    return pairs
  }

  /// What an image is called, by its place among the decoded ones.
  private func name(_ row: Int) -> String {
    let key = training.keys[row % labels.count]
    return formation.multiplicity > 1 ? "\(key) tile \(row / labels.count)" : key
  }

  private func leakage(_ images: [Explanation.Image], testImages: Int) -> Explanation.Leakage {
    var same: [Explanation.Pair] = []
    var nearer = 0
    for image in images {
      guard let test = image.nearestTest, let train = image.nearest.first else { continue }
      if test.distance < train.distance { nearer += 1 }
      if test.difference <= request.sameness, !isSame(image.nearest) {
        same.append(
          Explanation.Pair(
            first: image.tile.map { "\(image.key) tile \($0)" } ?? image.key, second: test.source,
            differsInClass: image.className != test.className, difference: test.difference))
      }
    }
    let chance = Double(testImages) / Double(testImages + real.count)
    let expected = chance * Double(images.count)
    let deviation = (expected * (1 - chance)).squareRoot()
    return Explanation.Leakage(
      testImages: testImages, same: same, nearerToTest: nearer, expected: expected,
      deviations: deviation > 0 ? (Double(nearer) - expected) / deviation : 0)
  }

  /// A row for each of the first images of every class: the image, and the real ones that are nearest to it.
  private func sheet(of images: Tensor, _ near: NearestImages, perClass: Int) throws -> [SheetRow] {
    var shown = [Int](repeating: 0, count: real.classCount)
    var rows: [[SheetRow]] = Array(repeating: [], count: real.classCount)
    for row in 0..<images.shape[0] {
      let label = labels[row % labels.count]
      guard shown[label] < perClass else { continue }
      shown[label] += 1
      let own = FloatArray(
        shape: Array(images.shape.dropFirst()), values: try images.slice(axis: 0, from: row, to: row + 1).floats())
      let beside = near.neighbours[row].map { real.content(ofClass: $0.source.label, at: $0.source.index) }
      rows[label].append(
        SheetRow(
          name: real.classNames[label],
          samples: ([.floats(own)] + beside).map { Sample(key: name(row), content: $0, label: label) }))
    }
    return rows.flatMap(\.self)
  }
}

/// Throws where a set cannot stand among these real images.
private func checkAmong(_ info: DatasetInfo, _ real: DatasetInfo) throws(DataError) {
  let strange = info.classNames.filter { !real.classNames.contains($0) }
  guard strange.isEmpty else {
    throw DataError(
      .badInput, at: [info.name],
      "it has classes that \(real.name) has not: \(strange.prefix(8).joined(separator: ", "))",
      remedy: "give --real the data that it was made from")
  }
  var same = real
  same.classNames = info.classNames
  try checkComparable(info, with: same)
}

extension ImageSpace {
  /// Real images that were taken at random, as real images are compared: a coarser copy would not be itself.
  fileprivate func vectors(ofRandom random: Synthetic, from real: ClassStore) throws -> Tensor {
    let parts = try (random.sources ?? []).map {
      try vectors(ofReal: real.images(ofClass: $0.label, at: [$0.index]))
    }
    return try Tensor.concatenated(parts, axis: 0)
  }
}
