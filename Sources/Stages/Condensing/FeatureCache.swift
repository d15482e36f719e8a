import Datasets
import Foundation
import Methods
import Networks
import Shards
import Streaming
import Tensors

/// How the feature network of selections is made, and where it is kept.
///
/// The name of the kept file is a digest of everything that the weights depend on, so a change of data or options never
/// finds an old file. A damaged one is reported and made again.
struct FeatureRecipe {
  let network: ConvNetOptions
  let training: FeatureNetwork.Options
  private let seed: UInt64
  private let text: String
  /// Nil where nothing is kept.
  private let path: String?

  /// The recipe for these images; `steps` is nil for the default number, `cacheDirectory` where nothing is to be kept.
  init(for store: ClassStore, network: ConvNetOptions, seed: UInt64, steps: Int?, cacheDirectory: String?) {
    var training = FeatureNetwork.Options()
    training.augmentation = store.shape.channels == 1 ? .withoutFlip : .full
    if let steps { training.steps = steps }
    let device = Runtime.device == .cpu ? "" : "device \(Runtime.device)\n"
    let text = "feature network 1\n\(store.digest)\n\(network)\n\(training)\nseed \(seed)\n\(device)"
    self.network = network
    self.training = training
    self.seed = seed
    self.text = text
    path = cacheDirectory.map { "\($0)/features-\(sha256(Array(text.utf8)).prefix(32)).safetensors" }
  }

  /// Whether such a network was kept before.
  var isKept: Bool { path.map { FileManager.default.fileExists(atPath: $0) } ?? false }

  /// Training the network, where none is kept.
  var trainingWork: Work {
    Work.training(network: network, images: isKept ? 0 : training.batchSize, passes: training.steps)
  }

  /// The network, taken from the cache, or trained and kept there; with the steps of its training.
  ///
  /// One whose training was cut short is not kept.
  func made(
    on store: ClassStore, normalization: Methods.Normalization, shouldStop: @escaping @Sendable () -> Bool,
    log: (String) -> Void, progress: @escaping ProgressHandler
  ) throws -> (network: ConvNet, steps: Int) {
    if let kept = kept(log) { return (kept, training.steps) }
    log("training a network for features, \(path.map { "to be kept as \($0)" } ?? "not to be kept: there is no cache")")
    let result = try FeatureNetwork.trained(
      on: store, network: network, normalization: normalization, training: training, using: RandomSource(seed: seed),
      control: RunControl(
        progress: { report in
          progress(
            ProgressEvent(stage: "features", done: report.step, total: report.steps, unit: "steps", loss: report.loss))
        }, shouldStop: shouldStop))
    if result.steps < training.steps {
      log("the feature network was stopped after \(result.steps) of \(training.steps) steps: it is used as it is")
    } else if let path {
      do throws(DataError) {
        try TensorFile(
          tensors: Dictionary(uniqueKeysWithValues: zip(names, result.network.parameters)), metadata: ["recipe": text]
        ).write(to: path)
      } catch {
        log("the feature network could not be kept: \(error)")
      }
    }
    return result
  }

  private var names: [String] { network.parameterShapes.indices.map { index in "parameter.\(index)" } }

  private func kept(_ log: (String) -> Void) -> ConvNet? {
    guard let path, isKept else { return nil }
    do throws(DataError) {
      let file = try TensorFile(contentsOf: path)
      let parameters = names.compactMap { file.tensors[$0] }
      if parameters.map(\.shape) == network.parameterShapes {
        log("features from the network in \(path)")
        return ConvNet(network, parameters: parameters)
      }
      log("\(path) holds other shapes than \(network.parameterShapes); it is made again")
    } catch {
      log("\(error); it is made again")
    }
    return nil
  }
}
