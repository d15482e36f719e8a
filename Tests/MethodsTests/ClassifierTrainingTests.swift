import Datasets
import Methods
import Networks
import Tensors
import TensorTurn
import Testing

@Suite(.serialized, .takesTurns)
struct ClassifierTrainingTests {
  @Test func `P-DC and P-DSA fall to a tenth past the middle and make one pass more than their epochs`() {
    for recipe in [TrainingProtocol.dc(), .dsa()] {
      #expect(recipe.passes == recipe.epochs + 1)
      let last = recipe.epochs / 2 + 1
      #expect(recipe.learningRate(inPass: 0) == 0.01)
      #expect(recipe.learningRate(inPass: last) == 0.01)
      #expect(abs(recipe.learningRate(inPass: last + 1) - 0.001) < 1e-15)
      #expect((0..<recipe.passes).filter { recipe.clearsMomentum(beforePass: $0) } == [last + 1])
    }
    #expect(TrainingProtocol.dc().epochs == 300 && TrainingProtocol.dsa().epochs == 1000)
    #expect(TrainingProtocol.dc().augmentation == .none)
    #expect(TrainingProtocol.dc(digits: true).epochs == 1000)
    #expect(TrainingProtocol.dc(digits: true).augmentation == .classic)
  }

  @Test func `P-IDC falls to a fifth at two thirds and at five sixths`() {
    let recipe = TrainingProtocol.idc()
    #expect(recipe.passes == 1000 && recipe.batchSize == 64 && recipe.cutMixProbability == 0.5)
    #expect(recipe.augmentation == .combined(AugmentationStrategy.full.without(.cutout)))
    let rates = [(665, 0.01), (666, 0.002), (832, 0.002), (833, 0.0004), (999, 0.0004)]
    for (pass, rate) in rates { #expect(abs(recipe.learningRate(inPass: pass) - rate) < 1e-12) }
    #expect(!(0..<1000).contains { recipe.clearsMomentum(beforePass: $0) })
  }

  @Test func `another number of epochs is said in the label`() {
    var recipe = TrainingProtocol.dsa()
    #expect(recipe.label == "P-DSA")
    recipe.epochs = 30
    #expect(recipe.label == "P-DSA (30 of 1000 epochs)")
    #expect(recipe.learningRate(inPass: 16) == 0.01 && recipe.learningRate(inPass: 17) < 0.002)
  }

  @Test func `a set with formation gets the steps of the same set without one, to half a pass`() {
    for recipe in [TrainingProtocol.dc(), .dsa(), .idc()] {
      for (stored, formed) in [(100, 400), (100, 1400), (10, 40), (500, 2000), (1, 16), (300, 300), (65, 130)] {
        let scaled = recipe.withEqualSteps(stored: stored, formed: formed)
        let ofPass = scaled.steps(forImages: formed) / scaled.passes
        let difference = scaled.steps(forImages: formed) - recipe.steps(forImages: stored)
        #expect(2 * abs(difference) <= ofPass, "\(recipe.name), \(stored) of \(formed)")
        if stored == formed { #expect(scaled == recipe) }
      }
    }
    // 100 images are two batches of 64, 400 are seven.
    #expect(TrainingProtocol.idc().withEqualSteps(stored: 100, formed: 400).epochs == 286)
    // One batch of 256 and two: 501 passes for 1001.
    #expect(TrainingProtocol.dsa().withEqualSteps(stored: 100, formed: 400).passes == 501)
    var short = TrainingProtocol.idc()
    short.epochs = 1
    #expect(short.withEqualSteps(stored: 10, formed: 1000).epochs == 1)
  }

  @Test func `five passes of training end where PyTorch's do`() throws {
    let golden = try Golden.load()
    let network = waveNetwork(
      known { try .convNet(ImageShape(channels: 3, height: 8, width: 8), classes: 3, filters: 4, depth: 2) })
    let images = wave([6, 3, 8, 8], 0.19, 0.3)
    let targets = Tensor(
      [1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1], shape: [6, 3])
    var recipe = TrainingProtocol.dc()
    recipe.epochs = 4
    let trained = try trainedClassifier(
      on: TrainingSet(images: images, targets: targets), from: network, following: recipe, using: RandomSource(seed: 1))
    #expect(trained.passes == 5)
    #expect(agree(Tensor(trained.loss), golden["training loss"]))
    #expect(agree(try trained.network(images), golden["training logits"], absolute: 1e-4))
  }

  @Test func `a large batch in chunks gives the gradients of the whole`() throws {
    // 150 images are three chunks of 50; with a batch size of 150 the pass is a single step.
    let toy = Toy(counts: [75, 75])
    var random = RandomSource(seed: 1)
    let network = Network(toy.network, using: &random)
    let normalization = Normalization.measured(on: toy)
    let images = try Tensor.concatenated(
      (0..<2).map { toy.images(ofClass: $0, at: Array(0..<75)) }, axis: 0)
    let x = try normalization.normalized(bytes: images)
    let y = Tensor((0..<150).flatMap { $0 < 75 ? [Float(1), 0] : [0, 1] }, shape: [150, 2])
    var recipe = TrainingProtocol.dc()
    recipe.epochs = 0
    recipe.momentum = 0
    recipe.weightDecay = 0
    recipe.learningRate = 1
    let stepped = try trainedClassifier(
      on: TrainingSet(images: x, targets: y), from: network, following: recipe, using: RandomSource(seed: 2))
    let (_, gradients) = try valueAndGradients(at: network.parameters) { parameters throws(TensorError) in
      try network.with(parameters: parameters)(x).crossEntropy(labels: y)
    }
    for (index, gradient) in gradients.enumerated() {
      let moved = network.parameters[index] - stepped.network.parameters[index]
      #expect((moved - gradient).abs().floats().allSatisfy { $0 < 1e-5 })
    }
  }

  @Test(arguments: [TrainingProtocol.dc(), .dc(digits: true), .dsa(), .idc()])
  func `every protocol learns the toy classes, the same way twice`(prescribed: TrainingProtocol) throws {
    let toy = Toy(counts: [12, 12, 12])
    let normalization = Normalization.measured(on: toy)
    let chosen = try RandomSelection.select(from: toy, counts: [8, 8, 8], using: RandomSource(seed: 4)).synthetic
    let set = try TrainingSet(chosen, classes: 3, normalization: normalization)
    var recipe = prescribed
    recipe.epochs = 30
    func train() throws -> Network {
      try trainedClassifier(on: set, network: toy.network, following: recipe, using: RandomSource(seed: 5)).network
    }
    let network = try train()
    let result = try accuracy(of: network, on: Toy(counts: [10, 10, 10], seed: 8), normalization: normalization)
    #expect(result.overall > 0.8)
    #expect(result.total == [10, 10, 10] && result.perClass.count == 3)
    #expect(try train().parameters.map { $0.floats() } == network.parameters.map { $0.floats() })
  }

  @Test func `a formation multiplies the training set and keeps labels with their tiles`() throws {
    let toy = Toy(counts: [8, 8])
    var method = M3D()
    method.images.network = toy.choice
    method.steps = 0
    let normalization = Normalization.measured(on: toy)
    let synthetic = try method.condense(
      toy, counts: [1, 2], normalization: normalization, using: RandomSource(seed: 1)
    ).synthetic
    let set = try TrainingSet(synthetic, classes: 2, normalization: normalization)
    #expect(set.images.shape == [12, 3, 8, 8])
    #expect(try set.targets.argmax(axis: 1).integers() == synthetic.formation.decoded(labels: [0, 1, 1]))
  }

  @Test func `soft labels take the place of labels`() throws {
    let toy = Toy(counts: [4, 4])
    var synthetic = try RandomSelection.select(from: toy, counts: [1, 1], using: RandomSource(seed: 1)).synthetic
    synthetic.softLabels = Tensor([0.7, 0.3, 0.2, 0.8], shape: [2, 2])
    let set = try TrainingSet(synthetic, classes: 2, normalization: .init(mean: [0, 0, 0], std: [1, 1, 1]))
    #expect(set.targets.floats() == [0.7, 0.3, 0.2, 0.8])
  }

  @Test func `accuracy counts each class apart and says nothing of an empty one`() throws {
    let toy = Toy(counts: [70, 0, 5])
    // A network whose classifier has no weights and a bias for class 0 answers 0 everywhere.
    var random = RandomSource(seed: 1)
    let drawn = Network(toy.network, using: &random)
    var parameters = drawn.parameters
    parameters[8] = parameters[8] * 0
    parameters[9] = Tensor([1, 0, 0], shape: [3])
    let result = try accuracy(
      of: drawn.with(parameters: parameters), on: toy, normalization: Normalization.measured(on: toy))
    #expect(result.answers == [[0: 70], [:], [0: 5]])
    #expect(result.correct == [70, 0, 0] && result.total == [70, 0, 5])
    #expect(result.perClass == [1, nil, 0])
    #expect(abs(result.overall - 70.0 / 75) < 1e-12)
  }
}
