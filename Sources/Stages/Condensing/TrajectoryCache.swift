import Datasets
import Foundation
import Methods
import Networks
import Shards
import Tensors

/// Where trajectories are kept, a file for each network.
///
/// The name of a file is a digest of everything that its snapshots depend on: not of their number, for a longer trajectory begins as a
/// shorter one, and goes on from it. A damaged file is reported and made again.
struct TrajectoryCache: Sendable {
  /// Counted up where networks come to be trained otherwise: a build finds no networks of one that trained differently.
  private static let format = 1
  private let recipe: TrajectoryRecipe
  private let text: String
  /// By network; nil where nothing is kept.
  private let paths: [String]?
  /// Snapshots that were found there, by network and epoch; none for a network that was not kept.
  private let kept: [[Network]]

  /// What is kept of a recipe for these images; `directory` is nil where nothing is to be kept.
  ///
  /// - Parameter normalization: how the networks see the images; nil for the one that is measured on them.
  init(
    _ recipe: TrajectoryRecipe, for store: ClassStore, normalization: Normalization?, seed: UInt64, directory: String?,
    log: (String) -> Void
  ) {
    self.recipe = recipe
    let (network, training) = (recipe.network, recipe.training)
    let device = Runtime.device == .cpu ? "" : "device \(Runtime.device)\n"
    let text =
      "trajectory \(Self.format)\n\(store.digest)\n\(network.name) \(network.input) \(network.classes) \(network.layers) \(network.precision)\n"
      + "batch \(training.batchSize) lr \(training.learningRate) momentum \(training.momentum) decay \(training.weightDecay) "
      + "augment \(training.augmentation ?? .none) cutmix \(training.cutMixProbability)\nseed \(seed)\n\(device)"
      + (normalization?.cacheLine ?? "")
    self.text = text
    let paths = directory.map { directory in
      (0..<training.networks).map { number in
        let digest = sha256(Array("\(text)network \(number)\n".utf8)).prefix(32)
        return "\(directory)/trajectory-\(digest).safetensors"
      }
    }
    self.paths = paths
    kept = (paths ?? []).map { snapshots(of: network, in: $0, log) }
  }

  /// What gives a run its trajectories: the cache, or the training.
  static func source(
    for store: ClassStore, normalization: Normalization?, seed: UInt64, in context: RunContext
  ) -> TrajectorySource {
    { recipe, train throws(TensorError) in
      let cache = TrajectoryCache(
        recipe, for: store, normalization: normalization, seed: seed, directory: context.cacheDirectory,
        log: context.log)
      return try cache.made(clock: context.clock, log: context.log, train)
    }
  }

  /// Epochs that have to be trained, over all networks.
  var missingEpochs: Int {
    (0..<recipe.training.networks).reduce(0) { $0 + max(0, recipe.training.epochs - keptEpochs(of: $1)) }
  }

  private func keptEpochs(of number: Int) -> Int {
    kept.indices.contains(number) ? max(0, kept[number].count - 1) : 0
  }

  /// Seconds between two copies of a network that is being trained.
  private static let interval = 30.0

  /// The trajectories, taken from the cache as far as they are there.
  ///
  /// What is trained is kept, also when it was stopped, and now and then while it goes on: a process that is killed costs half a minute and an epoch.
  func made(
    clock: @escaping () -> Double, log: @escaping (String) -> Void,
    _ train: ([[Network]], (Int, [Network]) -> Void) throws(TensorError) -> Trajectories
  ) throws(TensorError) -> Trajectories {
    if missingEpochs > 0 {
      log(
        "training networks on the real images, "
          + (paths.map { "to be kept as \($0.joined(separator: ", "))" } ?? "not to be kept: there is no cache"))
    } else {
      log("trained networks from \(paths?.joined(separator: ", ") ?? "")")
    }
    // When the next copy is due, and the epochs of the last, by network.
    var due = [Double](repeating: clock() + Self.interval, count: recipe.training.networks)
    var written = (0..<recipe.training.networks).map { keptEpochs(of: $0) }
    let result = try train(kept) { number, snapshots in
      let now = clock()
      guard now >= due[number], Trajectories([snapshots]).isFinite else { return }
      keep(snapshots, of: number, log)
      // A copy has all epochs, and of large networks it takes its time.
      due[number] = clock() + max(Self.interval, 20 * (clock() - now))
      written[number] = snapshots.count - 1
    }
    guard result.isFinite else { return result }
    for (number, snapshots) in result.snapshots.enumerated() where result.epochs > written[number] {
      keep(snapshots, of: number, log)
    }
    return result
  }

  /// Writes the file of a network; failure costs time later and is only told.
  private func keep(_ snapshots: [Network], of number: Int, _ log: (String) -> Void) {
    guard let path = paths?[number] else { return }
    var tensors: [String: Tensor] = [:]
    for (epoch, snapshot) in snapshots.enumerated() {
      tensors.merge(snapshot.named("epoch.\(epoch)")) { _, new in new }
    }
    do throws(DataError) {
      try TensorFile(
        tensors: tensors, metadata: ["recipe": text, "network": String(number), "epochs": String(snapshots.count - 1)]
      ).write(to: path)
    } catch {
      log("the trained network could not be kept: \(error)")
    }
  }
}

/// Snapshots in a file of the cache; none where there is no such file, or one that cannot be used.
private func snapshots(of network: Architecture, in path: String, _ log: (String) -> Void) -> [Network] {
  guard FileManager.default.fileExists(atPath: path) else { return [] }
  do throws(DataError) {
    let file = try TensorFile(verified: path)
    func damaged(_ problem: String) -> DataError { DataError(.badInput, at: [path], problem) }
    guard let epochs = file.metadata["epochs"].flatMap(Int.init), (0...1 << 20).contains(epochs) else {
      throw damaged("does not say how many epochs it holds")
    }
    var snapshots: [Network] = []
    for epoch in 0...epochs {
      snapshots.append(
        try Network(network, named: "epoch.\(epoch)") { name, shape throws(DataError) in
          guard let tensor = file.tensors[name], tensor.shape == shape else {
            throw damaged("lacks the tensor \(name) of shape \(shape)")
          }
          return tensor
        })
    }
    markUsed(path)
    return snapshots
  } catch {
    log(error.madeAgain)
    return []
  }
}
