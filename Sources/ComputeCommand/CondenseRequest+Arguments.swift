import Command
import Methods
import Networks
import Stages

extension CondenseRequest {
  /// What was typed, and the catalogue's defaults for the method and its preset.
  init(_ arguments: Arguments) throws(UsageError) {
    let name = arguments.choice("method") ?? "m3d"
    guard let method = Method(rawValue: name) else {
      preconditionFailure("the catalogue offers the method \(name), which nothing carries out")
    }
    let counts = arguments.counts("ipc")
    self.init(
      method: method, budget: Budget(rest: counts?.others, named: counts?.named ?? [:]),
      seed: UInt64(arguments.integer("seed") ?? 0), network: NetworkChoice(arguments))
    reading = arguments.typedOptions(under: "Reading")
    guard !method.isSelection else {
      featureSteps = arguments.integer("feature-steps")
      return
    }
    steps = arguments.integer("steps")
    realBatch = arguments.integer("batch")
    learningRate = arguments.number("lr")
    augmentation = try Self.augmentation(arguments)
    guard method != .koopcon else {
      koopcon = KoopconChoice(arguments)
      return
    }
    momentum = arguments.number("momentum")
    initialization = arguments.choice("init").flatMap(Initialization.init(rawValue:))
    factor = arguments.integer("factor")
    guard method == .m3d else { return }
    stepsPerNetwork = arguments.integer("iterations-per-model")
    linearUnits = arguments.choice("units").map { $0 == "linear" }
    let chosen: Kernel =
      switch arguments.choice("kernel") {
      case "gaussian": .gaussian()
      case "linear": .linear
      case "polynomial": .polynomial
      default: .gaussianMixture()
      }
    if chosen.width == nil, arguments.given("bandwidth") {
      throw UsageError("--bandwidth belongs to the kernels gaussian-mixture and gaussian; \(chosen.name) has no width")
    }
    kernel = chosen
    kernelWidth = arguments.number("bandwidth")
  }

  static func augmentation(_ arguments: Arguments) throws(UsageError) -> AugmentationStrategy? {
    guard let text = arguments.text("augment") else { return nil }
    guard let strategy = AugmentationStrategy(named: text) else {
      throw UsageError(
        "--augment takes operations joined by _ of color, crop, cutout, flip, scale, rotate, or none; not '\(text)'")
    }
    return strategy
  }
}

extension KoopconChoice {
  /// What was typed, and the catalogue's defaults.
  init(_ arguments: Arguments) {
    self.init()
    depth = arguments.choice("autoencoder").flatMap(AutoencoderOptions.Depth.init(rawValue:))
    form = arguments.choice("reconstruction").flatMap(AutoencoderOptions.Form.init(rawValue:))
    latent = arguments.integer("latent")
    heads = arguments.integer("heads")
    weights = (
      arguments.number("weight-re"), arguments.number("weight-ce"), arguments.number("weight-fm"),
      arguments.number("weight-w"), arguments.number("weight-cov")
    )
    transportedPixels = arguments.number("transported-pixels")
    mapLearningRate = arguments.number("map-lr")
    classifierLife = arguments.integer("classifier-life")
    warmUp = arguments.number("warm-up")
    settling = arguments.number("settling")
    schedule = arguments.integer("schedule")
  }
}
