public import Datasets
public import Methods
import Networks
import Streaming
import Tensors

/// The baselines that every accuracy is shown beside: as many real images per class as the evaluated set stores.
///
/// Random draws anew for every repeat; Herding is one set. Throws where the classes or the size of the real images are
/// not those of the test set.
///
/// - Parameter given: what the evaluated set is normalised by, where that was chosen; nil for what the real images have.
public func baselines(
  counts: [Int], from real: ClassStore, testedOn test: ClassStore, network: NetworkChoice, seed: UInt64,
  normalization given: Normalization? = nil, in context: RunContext
) throws -> [Contestant] {
  try checkBaselines(from: real.described, testedOn: test.described)
  let normalization = given ?? .measured(on: real)
  let random = Contestant(name: RandomSelection.name, isBaseline: true, normalization: normalization) { repetition in
    try RandomSelection.select(
      from: real, counts: counts, using: RandomSource(seed: seed).split("random baseline", repetition)
    ).synthetic
  }
  var herding = Herding()
  herding.features.network = network
  let cache = try keptFeatures(
    herding.features, of: real, normalization: given, seed: seed, directory: context.cacheDirectory
  )
  .cache
  var control = RunControl(shouldStop: context.shouldStop)
  control.featureNetwork = { _, train throws(TensorError) in try cache.made(log: context.log, train) }
  control.progress = { report in
    guard let phase = report.phase else { return }
    context.progress(
      ProgressEvent(stage: phase, done: report.step, total: report.steps, unit: "steps", loss: report.loss))
  }
  let picked = try herding.condense(
    real, counts: counts, normalization: normalization, using: RandomSource(seed: seed), control: control
  ).synthetic
  return [random, Contestant(name: Herding.name, isBaseline: true, normalization: normalization) { _ in picked }]
}

/// The recipe of a network for features of these images, and where it is kept.
///
/// - Parameter normalization: how it sees the images; nil for the one that is measured on them.
func keptFeatures(
  _ features: FeatureNetwork, of real: ClassStore, normalization: Normalization?, seed: UInt64, directory: String?
) throws(DataError) -> (recipe: FeatureNetwork.Recipe, cache: FeatureCache) {
  let task = MethodTask(
    dataset: "real training data", shape: real.shape, isSpectrogram: real.isSpectrogram,
    keepsClassesMirrored: real.keepsClassesMirrored,
    counts: real.classNames.map { _ in 1 },
    available: real.classNames.indices.map(real.count(ofClass:)))
  var features = features
  try features.decide(for: task)
  let recipe = features.recipe(for: task)
  return (recipe, FeatureCache(recipe, for: real, normalization: normalization, seed: seed, directory: directory))
}

extension ClassStore {
  /// Classes and size, as a description has them.
  var described: DatasetInfo {
    DatasetInfo(
      name: "", classNames: classNames, shape: [shape.channels, shape.height, shape.width], spectrogram: spectrogram,
      mirror: keepsClassesMirrored)
  }
}
