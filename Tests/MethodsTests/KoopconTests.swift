import Datasets
import Foundation
import Methods
import Networks
import Synchronization
import TensorTurn
import Tensors
import Testing

@Suite(.serialized, .takesTurns)
struct KoopconTests {
  private let real = Toy(counts: [40, 30, 35])

  // The library takes its own number of threads only with its first parallel work on a thread; sums before that are grouped
  // as OpenMP's number has it. The program's compute thread is told at its start.
  init() throws { try Runtime.configure(threads: Runtime.threads) }

  private func options(_ form: AutoencoderOptions.Form = .plain) -> Koopcon {
    var options = Koopcon()
    options.guidance.encoders = .drawn
    options.formation = Formation(factor: 1)
    (options.form, options.latent, options.filters) = (form, 16, 4)
    options.network = real.choice
    options.steps = 30
    options.batch = 24
    options.refresh = 5
    options.transportSample = 20
    options.mapLearningRate = 0.01
    options.weights.matching = 10
    options.warmUp = 0.4
    options.settling = 0.25
    options.classifierLife = 100
    options.transport = Transport(iterations: 20, scale: 1 / 16)
    return options
  }

  /// The same, learning from some of the losses alone.
  private func options(only losses: LossWeights) -> Koopcon {
    var options = options()
    options.weights = losses
    options.transportedPixels = 0
    return options
  }

  private func values(_ name: String, _ reports: some Sequence<StepReport>) -> [Double] {
    reports.flatMap(\.terms).filter { $0.name == name }.map(\.value)
  }

  private func fit(
    _ options: Koopcon, counts: [Int] = [2, 3, 1], seed: UInt64 = 1, stopAfter: Int = .max
  ) throws -> (fit: Koopcon.Fit, reports: [StepReport]) {
    try fit(options, on: real, counts: counts, seed: seed, stopAfter: stopAfter)
  }

  private func fit(
    _ options: Koopcon, on images: some RealImages, normalization: Normalization? = nil, counts: [Int],
    seed: UInt64 = 1, stopAfter: Int = .max
  ) throws -> (fit: Koopcon.Fit, reports: [StepReport]) {
    let seen = Seen()
    let fit = try options.fit(
      images, counts: counts, normalization: normalization ?? .measured(on: images),
      using: RandomSource(seed: seed),
      control: RunControl(
        progress: { report in seen.reports.withLock { $0.append(report) } },
        shouldStop: { seen.reports.withLock { $0.count } >= stopAfter }))
    return (fit, seen.reports.withLock { $0 })
  }

  /// Images of one grey each.
  private struct Flat: RealImages {
    let shape = ImageShape(channels: 3, height: 8, width: 8)
    let greys: [[UInt8]]

    var classCount: Int { greys.count }
    func count(ofClass label: Int) -> Int { greys[label].count }
    func images(ofClass label: Int, at indices: [Int]) -> Tensor {
      Tensor(
        bytes: indices.flatMap { Array(repeating: greys[label][$0], count: 3 * 8 * 8) },
        shape: [indices.count, 3, 8, 8])
    }
  }

  /// All images of the toy, class by class, as the networks see them.
  private func allImages() throws -> Tensor {
    let classes = (0..<real.classCount).map { label in
      real.images(ofClass: label, at: Array(0..<real.count(ofClass: label)))
    }
    return try Normalization.measured(on: real).normalized(bytes: Tensor.concatenated(classes, axis: 0))
  }

  private final class Seen: Sendable { let reports = Mutex<[StepReport]>([]) }

  private func bytes(_ model: KoopconModel) -> [[Float]] {
    (model.autoencoder.parameters + model.attention.parameters + [model.mean, model.deviation] + model.maps)
      .map { $0.floats() }
  }

  // MARK: Losses

  /// With more latents than numbers nothing hinders the covariance from being the identity: nothing is taken off.
  @Test(arguments: [(4, 6, 3.0), (6, 6, 1.0), (7, 6, 0.0), (12, 6, 0.0)])
  func `the covariance loss is that of the covariance matrix, less what cannot be less`(
    count: Int, width: Int, least: Double
  ) throws {
    let latents = wave([count, width], 0.9, 0.3, 2)
    let centred = try latents - latents.mean(axes: [0], keepDims: true)
    let covariance = try centred.transposed().matmul(centred) / Double(count - 1)
    let identity = Tensor((0..<width * width).map { $0 % (width + 1) == 0 ? 1 : 0 }, shape: [width, width])
    let expected = ((covariance - identity).squared().sum().item - least) / Double(width)
    #expect(abs(try Koopcon.covarianceLoss(latents).item - expected) < 1e-4 * expected)
  }

  @Test func `the reconstruction loss is the mean over images and values`() throws {
    var options = options()
    options.batch = 1000
    let network = try fit(options, stopAfter: 0).fit.model.autoencoder
    let images = try allImages()
    let expected = try (network.decode(network.encode(images)) - images).squared().mean().item
    let first = try #require(values("re", try fit(options, stopAfter: 1).reports).first)
    #expect(abs(first - expected) < 1e-4 * expected)
  }

  @Test(arguments: AutoencoderOptions.Form.allCases)
  func `an autoencoder begins as the best linear one of a sample`(form: AutoencoderOptions.Form) throws {
    let model = try fit(options(form), stopAfter: 0).fit.model
    let images = try allImages()
    let error = try (model.autoencoder.decode(model.autoencoder.encode(images)) - images).squared().sum().item
    // By Eckart and Young, what is left is the sum of the other eigenvalues of Xᵀ X: 105 images, all of which are in the sample.
    let rows = try images.flattened(from: 1)
    let spectrum = try rows.matmul(rows.transposed()).symmetricEigen().values.doubles()
    let least = spectrum.dropLast(16).reduce(0, +)
    #expect(abs(error - least) < 0.02 * least, "\(error), \(least)")
    #expect(least < 0.9 * spectrum.reduce(0, +))
  }

  @Test func `the variational loss has β times the divergence from the prior, over the values of an image`() throws {
    func first(prior: Double) throws -> Double {
      var options = options(.variational)
      options.batch = 1000
      options.prior = prior
      return try #require(values("re", try fit(options, stopAfter: 1).reports).first)
    }
    let network = try fit(options(.variational), stopAfter: 0).fit.model.autoencoder
    let images = try allImages()
    let (means, logVariances) = try network.distribution(images)
    var divergence = 0.0
    for (mean, logVariance) in zip(means.doubles(), logVariances.doubles()) {
      divergence += 0.5 * (mean * mean + exp(logVariance) - logVariance - 1)
    }
    let expected = 1000 * divergence / Double(images.shape[0]) / Double(3 * 8 * 8)
    // The noise is the same whatever β is.
    let found = try first(prior: 1000) - first(prior: 0)
    #expect(expected > 1 && abs(found - expected) < 1e-3 * expected, "\(found), \(expected)")
  }

  @Test func `the covariance loss is zero for one latent and for latents as wide apart as they can be`() throws {
    #expect(try Koopcon.covarianceLoss(wave([1, 5], 0.9, 0.3)).item == 0)
    // Two latents √2 apart have variance 1 along one direction.
    let pair = Tensor([0, 0, 1, 1], shape: [2, 2])
    #expect(abs(try Koopcon.covarianceLoss(pair).item) < 1e-6)
    #expect(try Koopcon.covarianceLoss(pair * 3).item > 0.1)
    #expect(try Koopcon.covarianceLoss(pair * 0.1).item > 0.1)
  }

  @Test func `the losses are reported one by one, and one with weight zero is not computed`() throws {
    let names = ["re", "ce", "fm", "w", "cov"]
    var options = options()
    options.steps = 20
    #expect(try fit(options).reports.last?.terms.map(\.name) == names)
    // In the warm-up there is no T.
    #expect(try fit(options).reports.first?.terms.map(\.name) == ["re", "ce"])
    let all: [WritableKeyPath<LossWeights, Double>] = [
      \.reconstruction, \.classification, \.matching, \.transport, \.covariance,
    ]
    for (gone, path) in zip(names, all) {
      var without = options
      without.weights[keyPath: path] = 0
      let last = try #require(try fit(without).reports.last)
      #expect(last.terms.map(\.name) == names.filter { $0 != gone })
      #expect(last.loss.isFinite)
    }
  }

  @Test func `losses fall`() throws {
    var options = options()
    options.steps = 120
    options.learningRate = 3e-3
    options.classifierLife = 1000
    let reports = try fit(options, counts: [2, 2, 2]).reports
    func mean(_ name: String, _ reports: some Collection<StepReport>) -> Double {
      let values = values(name, reports)
      return values.reduce(0, +) / Double(values.count)
    }
    #expect(mean("ce", reports.suffix(10)) < mean("ce", reports[48..<58]))
  }

  @Test func `the convolutions give back more than the best linear autoencoder`() throws {
    var options = options(
      only: LossWeights(reconstruction: 1, classification: 0, matching: 0, transport: 0, covariance: 0))
    (options.steps, options.warmUp, options.settling) = (200, 1, 0)
    options.learningRate = 3e-3
    options.batch = 1000
    let errors = values("re", try fit(options).reports)
    #expect(errors[199] < 0.97 * errors[0], "\(errors[0]), \(errors[50]), \(errors[100]), \(errors[199])")
  }

  @Test func `features are matched where their means agree, and the loss is free of their scale`() throws {
    let few = Tensor([1, 0, 3, 4], shape: [2, 2])
    #expect(try Koopcon.matchingLoss(few, to: Tensor([2, 2], shape: [2]), squaredLength: 9).item == 0)
    // The mean (2, 2) is (1, -1) away from (1, 3), whose squared length is 10.
    let loss = try Koopcon.matchingLoss(few, to: Tensor([1, 3], shape: [2]), squaredLength: 10).item
    #expect(abs(loss - 0.2) < 1e-6)
    let scaled = try Koopcon.matchingLoss(few * 7, to: Tensor([7, 21], shape: [2]), squaredLength: 490).item
    #expect(abs(scaled - loss) < 1e-6)
  }

  // MARK: Decisions

  @Test(arguments: AutoencoderOptions.Form.allCases)
  func `the same seed gives the same model and another seed another`(form: AutoencoderOptions.Form) throws {
    let first = bytes(try fit(options(form)).fit.model)
    let second = bytes(try fit(options(form)).fit.model)
    let other = bytes(try fit(options(form), seed: 2).fit.model)
    #expect(first == second)
    #expect(first != other)
  }

  @Test(arguments: [1, 5, 17, 26])
  func `a run that is stopped equals one of that many steps with the same schedule`(steps: Int) throws {
    let stopped = try fit(options(), stopAfter: steps).fit
    var short = options()
    short.schedule = short.steps
    short.steps = steps
    let whole = try fit(short).fit
    #expect(stopped.steps == steps && whole.steps == steps)
    #expect(bytes(stopped.model) == bytes(whole.model))
  }

  @Test func `t begins as the block averages of the classes`() throws {
    // Stopped in the warm-up, the model has the first T.
    let model = try fit(options(), stopAfter: 3).fit.model
    #expect(model.maps.map(\.shape) == [[2, 40], [3, 30], [1, 35]])
    for map in model.maps {
      for row in 0..<map.shape[0] {
        let values = try map.slice(from: row, to: row + 1).floats()
        #expect(abs(values.reduce(0, +) - 1) < 1e-5)
        #expect(Set(values.filter { $0 != 0 }).count == 1)
      }
      #expect(try map.sum(axes: [0]).floats().allSatisfy { $0 > 0 })
    }
  }

  @Test func `t begins as a k-means of the latents`() throws {
    // Every third image is dark, the others are bright: two groups that no other partition comes near.
    func grey(_ label: Int, _ index: Int) -> UInt8 {
      let base = index % 3 == 0 ? 40 : 190
      return UInt8(base + 10 * label + index % 5)
    }
    let images = Flat(greys: (0..<3).map { label in (0..<30).map { grey(label, $0) } })
    let model = try fit(options(), on: images, counts: [2, 2, 2], stopAfter: 3).fit.model
    let groups = [(0..<30).filter { $0 % 3 == 0 }, (0..<30).filter { $0 % 3 != 0 }]
    for map in model.maps {
      let values = map.floats()
      let found = (0..<2).map { row in (0..<30).filter { values[30 * row + $0] != 0 } }
      #expect(Set(found) == Set(groups), "\(found)")
    }
  }

  @Test func `latents of the training set have mean 0 and deviation 1 when the statistics are taken`() throws {
    let model = try fit(options(), stopAfter: 5).fit.model
    var all: [Tensor] = []
    for label in 0..<3 {
      all.append(try model.latents(of: real.images(ofClass: label, at: Array(0..<real.count(ofClass: label)))))
    }
    let latents = try Tensor.concatenated(all, axis: 0)
    #expect(try latents.mean(axes: [0]).floats().allSatisfy { abs($0) < 1e-3 })
    #expect(try latents.variance(axes: [0]).floats().allSatisfy { abs($0 - 1) < 0.01 })
  }

  @Test func `while it settles, encoder and attention stand still`() throws {
    var options = options()
    options.settling = 0.5
    options.warmUp = 0.2
    let before = try fit(options, stopAfter: 15).fit.model
    let after = try fit(options).fit.model
    let count = options.autoencoder(for: real.shape).encoderParameterCount
    for (a, b) in zip(before.autoencoder.parameters[..<count], after.autoencoder.parameters) {
      #expect(a.floats() == b.floats())
    }
    for (a, b) in zip(before.attention.parameters, after.attention.parameters) { #expect(a.floats() == b.floats()) }
    #expect(before.maps[0].floats() != after.maps[0].floats())
    #expect(before.autoencoder.parameters.last?.floats() != after.autoencoder.parameters.last?.floats())
  }

  @Test func `attention begins as the identity and learns between warm-up and settling`() throws {
    let latents = wave([7, 16], 0.4, 0.1)
    let before = try fit(options(), stopAfter: 12).fit.model
    #expect(try before.attended(latents).floats() == latents.floats())
    let after = try fit(options()).fit.model
    #expect(after.attention.parameters[3].abs().sum().item > 0)
  }

  @Test func `what the condensed latents ask for reaches the encoder through the fresh columns`() throws {
    var options = options(
      only: LossWeights(reconstruction: 0, classification: 0, matching: 0, transport: 1, covariance: 0))
    options.settling = 0
    func encoder(_ steps: Int) throws -> [[Float]] {
      try fit(options, stopAfter: steps).fit.model.autoencoder.parameters[
        ..<options.autoencoder(for: real.shape).encoderParameterCount
      ]
      .map { $0.floats() }
    }
    // Twelve steps of warm-up, in which nothing asks for anything.
    #expect(try encoder(1) == encoder(12))
    // The convolutions add 0 at first: the step after that reaches them.
    for (before, after) in zip(try encoder(12), try encoder(14)) { #expect(before != after) }
  }

  @Test func `a step moves the maps of all classes, and P alike for all numbers of samples`() throws {
    let before = try fit(options(), stopAfter: 12).fit.model.maps
    let after = try fit(options(), stopAfter: 13).fit.model.maps
    // Adam's first step is the rate, which has fallen a little by then, wherever there is a gradient.
    var moves: [Double] = []
    for (a, b) in zip(before, after) { moves.append(try (b - a).abs().max().item * Double(a.shape[1])) }
    for move in moves { #expect(abs(move - moves[0]) < 0.01 * moves[0]) }
    let share: Double = 0.1 + 0.45 * (1 + cos(0.4 * Double.pi))
    #expect(abs(moves[0] - 0.01 * share) < 1e-4)
  }

  @Test func `stored latents are constants until they are computed anew`() throws {
    func maps(refresh: Int, steps: Int) throws -> [[Float]] {
      var options = options()
      options.refresh = refresh
      return try fit(options, stopAfter: steps).fit.model.maps.map { $0.floats() }
    }
    // T begins with step 13; every fifth step is due, and the sixteenth is the first.
    #expect(try maps(refresh: 5, steps: 15) == maps(refresh: 1000, steps: 15))
    #expect(try maps(refresh: 5, steps: 16) != maps(refresh: 1000, steps: 16))
  }

  @Test func `at n' = n the transported pixels are those of line 15`() throws {
    let real = Toy(counts: [6, 6, 6])
    func first(transported: Double) throws -> Double {
      var options = options(
        only: LossWeights(reconstruction: 1, classification: 0, matching: 0, transport: 0, covariance: 0))
      // A batch of everything, a map that is a permutation, and no entropy to speak of.
      options.batch = 18
      options.transport = Transport(epsilon: 1e-3, iterations: 100, scale: 1 / 16)
      options.transportedPixels = transported
      let seen = Seen()
      _ = try options.fit(
        real, counts: [6, 6, 6], normalization: .measured(on: real), using: RandomSource(seed: 1),
        control: RunControl(
          progress: { report in seen.reports.withLock { $0.append(report) } },
          shouldStop: { seen.reports.withLock { $0.count } >= 13 }))
      return try #require(values("re", seen.reports.withLock { $0 }).last)
    }
    let alone = try first(transported: 0)
    #expect(abs(try first(transported: 1) - 2 * alone) < 1e-3 * alone)
  }

  @Test(arguments: [1, 2, 5, 20])
  func `the few images that are decoded stand for all, in the transported pixels`(decoded: Int) throws {
    // All images are the same, and so are all condensed ones: what transport assigns is what a reconstruction is compared with.
    let images = Flat(greys: Array(repeating: Array(repeating: 200, count: 12), count: 3))
    func last(transported: Double) throws -> Double {
      var options = options(
        only: LossWeights(reconstruction: 1, classification: 0, matching: 0, transport: 0, covariance: 0))
      options.decodedPerClass = decoded
      options.transportedPixels = transported
      // A rate that spoils the start, which gives such images back as they are.
      options.learningRate = 0.03
      // What is left between equal images is rounding. So smooth a plan does not follow it, and gives every condensed image the same mass.
      options.transport = Transport(epsilon: 100, iterations: 100, scale: 1 / 16)
      let normalization = Normalization(mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25])
      let reports = try fit(options, on: images, normalization: normalization, counts: [6, 6, 6], stopAfter: 13).reports
      return try #require(values("re", reports).last)
    }
    let (alone, both) = (try last(transported: 0), try last(transported: 1))
    #expect(alone > 1e-3 && abs(both / (2 * alone) - 1) < 1e-3, "\(alone), \(both)")
  }

  @Test func `cross entropies of real and condensed images are averaged apart`() throws {
    var options = options()
    // A new classifier knows nothing: ln 3 for either side, however few the condensed images are.
    options.classifierLife = 12
    let ce = values("ce", try fit(options, counts: [1, 1, 1], stopAfter: 13).reports)
    let ignorance = log(3.0)
    #expect(abs(ce[0] - ignorance) < 0.4)
    #expect(abs(ce[12] - 2 * ignorance) < 0.8)
  }

  @Test func `transport draws the condensed latents to those of the data`() throws {
    var options = options(
      only: LossWeights(reconstruction: 0, classification: 0, matching: 0, transport: 1, covariance: 0))
    // Only while it settles does the target stand still.
    options.warmUp = 0.2
    options.settling = 0.8
    options.steps = 60
    let w = values("w", try fit(options, counts: [2, 2, 2]).reports)
    let (first, last): (Double, Double) = (w.prefix(5).reduce(0, +), w.suffix(5).reduce(0, +))
    #expect(last < first)
  }

  @Test func `transport does not let the data collapse`() throws {
    var options = options(
      only: LossWeights(reconstruction: 0, classification: 0, matching: 0, transport: 1, covariance: 0))
    options.steps = 60
    options.settling = 0
    func spread(_ model: KoopconModel) throws -> Double {
      let codes = try model.latents(of: real.images(ofClass: 0, at: Array(0..<40))) * model.deviation
      return try codes.variance(axes: [0]).sum().item
    }
    let before = try fit(options, counts: [2, 2, 2], stopAfter: 24).fit.model
    let after = try fit(options, counts: [2, 2, 2]).fit.model
    #expect(try spread(after) > 0.5 * spread(before))
  }

  @Test func `features of the condensed images come near those of the real ones`() throws {
    var options = options(
      only: LossWeights(reconstruction: 0, classification: 0, matching: 1, transport: 0, covariance: 0))
    options.steps = 80
    options.classifierLife = 1000
    options.augmentation = AugmentationStrategy.none
    let fm = values("fm", try fit(options, counts: [2, 2, 2]).reports)
    let (first, last): (Double, Double) = (fm.prefix(5).reduce(0, +), fm.suffix(5).reduce(0, +))
    #expect(last < 0.5 * first)
  }

  @Test func `without L_ce the classifier still learns for L_fm, and is not reported`() throws {
    // With everything else at rest, and all images of every class looked at, only f can change L_fm.
    var options = options(
      only: LossWeights(reconstruction: 0, classification: 0, matching: 1, transport: 0, covariance: 0))
    options.learningRate = 0
    options.mapLearningRate = 0
    options.matchingSample = 100
    options.classifierLife = 1000
    options.augmentation = AugmentationStrategy.none
    let reports = try fit(options).reports
    let fm = values("fm", reports)
    #expect(fm.count == 18 && abs(fm[17] - fm[0]) > 0.01 * fm[0], "\(fm)")
    #expect(reports.allSatisfy { report in !report.terms.contains { $0.name == "ce" } })
  }

  @Test func `L_fm is in units of the real embeddings' length, over all classes`() throws {
    var options = options(
      only: LossWeights(reconstruction: 0, classification: 0, matching: 1, transport: 0, covariance: 0))
    options.learningRate = 0
    options.warmUp = 0
    options.matchingSample = 100
    options.augmentation = AugmentationStrategy.none
    let counts = [2, 3, 1]
    let reported = try #require(values("fm", try fit(options, stopAfter: 1).reports).first)
    // The model as it was drawn, and the classifier of the first step.
    var still = options
    still.steps = 0
    let model = try fit(still).fit.model
    var draw = RandomSource(seed: 1).split("classifier", 0)
    let classifier = Network(real.network, using: &draw)
    var (distances, squares) = (0.0, 0.0)
    for (label, count) in counts.enumerated() {
      let images = real.images(ofClass: label, at: Array(0..<real.count(ofClass: label)))
      let condensed = try model.images(of: model.maps[label].matmul(model.attended(model.latents(of: images))))
      #expect(condensed.shape[0] == count)
      let embeddings = try classifier.embed(model.normalization.normalized(bytes: images))
      let few = try classifier.embed(model.normalization.normalized(condensed))
      distances += try (few.mean(axes: [0]) - embeddings.mean(axes: [0])).squared().sum().item
      squares += embeddings.squared().sum().item
    }
    let expected = distances / 3 / (squares / Double(40 + 30 + 35))
    #expect(abs(reported - expected) < 1e-3 * expected, "\(reported), \(expected)")
  }

  @Test func `features of either side go through the same augmentation`() throws {
    // Images of the mean colour, which the autoencoder as it is drawn gives back as they are: X' = X.
    let images = Flat(greys: Array(repeating: Array(repeating: 128, count: 12), count: 3))
    var options = options(
      only: LossWeights(reconstruction: 0, classification: 0, matching: 1, transport: 0, covariance: 0))
    options.learningRate = 0
    options.mapLearningRate = 0
    // Brighter or darker, which the features of even images differ by.
    options.augmentation = AugmentationStrategy([.color])
    let fm = values("fm", try fit(options, on: images, counts: [2, 2, 2]).reports)
    #expect(fm.count == 18 && fm.allSatisfy { $0 < 1e-6 }, "\(fm)")
  }

  @Test func `a classifier is drawn anew when it has lived`() throws {
    var options = options()
    options.steps = 12
    options.warmUp = 1
    options.classifierLife = 12
    let one = try fit(options).reports
    options.classifierLife = 6
    let two = try fit(options).reports
    #expect(one[..<6].map(\.terms) == two[..<6].map(\.terms))
    #expect(one[6].terms.first { $0.name == "ce" } != two[6].terms.first { $0.name == "ce" })
  }

  @Test func `a class of which nothing is made has a map without rows`() throws {
    let model = try fit(options(), counts: [2, 0, 1]).fit.model
    #expect(model.maps.map(\.shape) == [[2, 40], [0, 30], [1, 35]])
  }

  // MARK: Algorithm 2

  @Test func `the sum of latents one by one is the product with T`() throws {
    let (map, latents) = (wave([3, 20], 0.7, 0.2), wave([20, 5], 1.1, 0.4))
    var sum = KoopmanSum(map: map, width: 5)
    for row in 0..<20 {
      let latent = try latents.slice(from: row, to: row + 1).floats()
      latent.withUnsafeBufferPointer { sum.add($0) }
    }
    let expected = try map.matmul(latents).floats()
    #expect(zip(sum.result.floats(), expected).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  @Test func `an image's latent does not depend on how many others there are`() throws {
    let model = try fit(options(), stopAfter: 2).fit.model
    let images = real.images(ofClass: 0, at: Array(0..<10))
    let all = try model.latents(of: images)
    let few = try model.latents(of: images.slice(from: 0, to: 3))
    #expect(try all.slice(from: 0, to: 3).floats() == few.floats())
  }

  @Test func `reconstructions are near their images after a while`() throws {
    var options = options()
    options.steps = 200
    options.learningRate = 3e-3
    let model = try fit(options).fit.model
    let images = real.images(ofClass: 0, at: Array(0..<10))
    let back = try model.images(of: model.latents(of: images))
    let distance = (back - images.to(.float32) / 255).squared().mean().item
    let spread = try (images.to(.float32) / 255).variance(axes: [0, 1, 2, 3]).item
    #expect(distance < 0.5 * spread)
  }

  // MARK: Snapshots

  /// The same with networks that are trained beforehand.
  private func guidedOptions() -> Koopcon {
    var options = options()
    (options.guidance.encoders, options.guidance.epochs) = (.snapshots, 2)
    (options.classifierLife, options.augmentation) = (nil, AugmentationStrategy.none)
    return options
  }

  @Test func `with trained networks T begins with different samples of the class`() throws {
    var options = guidedOptions()
    (options.steps, options.warmUp, options.settling) = (2, 1, 0)
    for (factor, tiles) in [(1, 1), (2, 4)] {
      options.formation = Formation(factor: factor)
      let model = try fit(options).fit.model
      #expect(model.maps.map { $0.shape } == [[2 * tiles, 40], [3 * tiles, 30], [tiles, 35]])
      for map in model.maps {
        let (rows, columns) = (try map.sum(axes: [1]).floats(), try map.sum(axes: [0]).floats())
        #expect(map.floats().allSatisfy { $0 == 0 || abs($0 - 1) < 1e-6 })
        #expect(rows.allSatisfy { abs($0 - 1) < 1e-6 })
        #expect(columns.allSatisfy { $0 < 1.5 })
      }
    }
  }

  @Test func `snapshots recognise the images better and better and find their features more alike`() throws {
    var options = guidedOptions()
    options.weights = LossWeights(reconstruction: 0.1, classification: 3, matching: 10)
    // All images are one batch: an epoch is a step.
    options.guidance.epochs = 80
    (options.steps, options.warmUp, options.stepsPerWitness, options.decodedPerClass) = (160, 0.2, 1, 12)
    options.formation = Formation(factor: 2)
    options.mapLearningRate = 0.1
    let reports = try fit(options).reports
    for name in ["ce", "fm"] {
      let values = values(name, reports)
      #expect(values.count == 128)
      // Snapshots differ: means of several steps are compared.
      let (first, last) = (values.prefix(20).reduce(0, +), values.suffix(20).reduce(0, +))
      #expect(last < 0.9 * first, "\(name): \(first) \(last)")
    }
  }

  @Test func `losses of weight zero ask trained networks nothing`() throws {
    var options = guidedOptions()
    options.weights = LossWeights(reconstruction: 1)
    // Without what asks them, they are not even drawn.
    let reports = try fit(options).reports
    #expect(values("ce", reports).isEmpty && values("fm", reports).isEmpty)
  }
}
