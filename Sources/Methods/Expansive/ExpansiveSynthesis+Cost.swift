public import Datasets
internal import Networks
internal import Tensors

extension ExpansiveSynthesis {
  /// See `ExpandingMethod`.
  public func cost(of task: MethodTask) -> ExpandingCost {
    var need = MemoryNeed.learning(self, for: task.shape, images: 2 * batch)
    need.purpose = .expanding
    let coding = autoencoder(for: task.shape)
    let (work, refining) = (coding.multiplications, refining(coding))
    let classifier = weights.classification == 0 ? 0 : 6 * Self.classifier(for: task.shape, classes: 10).operations
    let learning = Double(batch) * (6 * (work.encoder + 3 * work.decoder + 2 * refining) + classifier)
    // A sample and its neighbour are encoded and attended to, the sum of features and, for a reach, the sample itself go through
    // the graph, and the result and, for the detail, the sample are decoded.
    let making = 2 * (2 * work.encoder + 2 * refining + (detail == 0 ? 1 : 2) * work.decoder)
    var cost = ExpandingCost(
      // Transport takes its time for clouds of any size.
      phase: PhaseCost(
        name: "fine-tuning", stepsOption: "steps", steps: steps, operationsPerStep: learning, secondsBeside: 0.1,
        usualSteps: UsualSteps(allowance: 1e13, range: 100...600), memory: need),
      operationsPerImage: making, memory: need, probe: Probe(coding))
    cost.teachers = teachers(for: task)
    return cost
  }

  /// Cost of the pre-training on images of one size.
  public func pretrainingCost(for shape: ImageShape) -> PhaseCost {
    let coding = autoencoder(for: shape)
    let work = coding.multiplications
    return PhaseCost(
      name: "pre-training", stepsOption: "pretrain-steps", steps: pretrainingSteps,
      operationsPerStep: 6 * Double(pretrainingBatch) * (work.encoder + 2 * work.decoder + refining(coding)),
      usualSteps: UsualSteps(allowance: 2.5e13, range: 400...4000),
      memory: .learning(self, for: shape, images: pretrainingBatch))
  }

  /// With what the machine is measured.
  public func probe(for shape: ImageShape) -> Probe { Probe(autoencoder(for: shape)) }

  /// Multiplications of one latent's way through attention and graph.
  private func refining(_ shape: MapAutoencoderOptions) -> Double {
    let places = Double(shape.mapHeight * shape.mapWidth)
    let width = Double(PatchAttention.width(setting.kind, channels: shape.maps, patch: patch))
    let tokens = places * Double(shape.maps) / width
    return 4 * tokens * width * width
      + (setting.hasGraph ? 9 * places * Double(slots * shape.maps * shape.maps) : 0)
  }
}

extension MemoryNeed {
  /// A step of Expansive Synthesis on so many images with gradients, and chunks of 128 without when images are made.
  static func learning(_ method: ExpansiveSynthesis, for size: ImageShape, images: Int) -> MemoryNeed {
    let shape = method.autoencoder(for: size)
    var need = copying(size)
    need.weights = 4 * 7 * weightCount(shape.weightShapes.map(\.shape))
    // Slots of maps through attention and graph, and which patch attends to which.
    let (rows, columns) = (Double(shape.mapHeight), Double(shape.mapWidth))
    let refined = Double((method.slots + 4) * shape.maps) * rows * columns
    let side = Double(method.patch)
    let patches = rows * columns / (side * side)
    let looks =
      method.setting.kind == .rowWise
      ? Double(shape.maps) * patches * columns / side
      : Double(method.setting.isMultiHead ? method.slots : 1) * patches * patches
    need.maps = 4 * max((2 * shape.mapValues + 8 * refined + 4 * looks) * Double(images), (refined + 2 * looks) * 128)
    return need
  }
}

extension Probe {
  /// A chunk of images through an autoencoder.
  init(_ options: MapAutoencoderOptions) {
    let work = options.multiplications
    self.init(operations: 2 * (work.encoder + work.decoder) * 32) {
      var random = RandomSource(seed: 0)
      let network = MapAutoencoder(options, using: &random)
      let images = Tensor.zeros([32, options.channels, options.height, options.width])
      return { () throws(TensorError) in _ = try network.decode(network.encode(images)).floats() }
    }
  }
}
