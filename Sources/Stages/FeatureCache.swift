import Datasets
import Foundation
import Methods
import Networks
import Shards
import Streaming
import Tensors

/// The feature network for selections: taken from the cache, or trained and kept there.
///
/// The name of the kept file is a digest of everything that the weights depend on, so a change of data or options
/// never finds an
/// old file. A damaged one is reported and made again.
func featureNetwork(
  for store: ClassStore, network: ConvNetOptions, normalization: Methods.Normalization, seed: UInt64,
  cacheDirectory: String?, shouldStop: @escaping @Sendable () -> Bool,
  log: (String) -> Void, progress: @escaping ProgressHandler
) throws -> ConvNet {
  var training = FeatureNetwork.Options()
  training.augmentation = store.shape.channels == 1 ? .withoutFlip : .full
  let device = Runtime.device == .cpu ? "" : "device \(Runtime.device)\n"
  let recipe = "feature network 1\n\(store.digest)\n\(network)\n\(training)\nseed \(seed)\n\(device)"
  let path = cacheDirectory.map { "\($0)/features-\(sha256(Array(recipe.utf8)).prefix(32)).safetensors" }
  let names = network.parameterShapes.indices.map { index in "parameter.\(index)" }
  if let path, FileManager.default.fileExists(atPath: path) {
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
  }
  log("training a network for features\(path.map { ", to be kept as \($0)" } ?? "")")
  let result = try FeatureNetwork.trained(
    on: store, network: network, normalization: normalization, training: training, using: RandomSource(seed: seed),
    control: RunControl(
      progress: { report in
        progress(
          ProgressEvent(stage: "features", done: report.step, total: report.steps, unit: "steps", loss: report.loss))
      }, shouldStop: shouldStop))
  if shouldStop() {
    log("stopped while the feature network was trained: it is used as it is, and not kept")
  } else if let path {
    do throws(DataError) {
      try TensorFile(
        tensors: Dictionary(uniqueKeysWithValues: zip(names, result.parameters)), metadata: ["recipe": recipe]
      ).write(to: path)
    } catch {
      log("the feature network could not be kept: \(error)")
    }
  }
  return result
}
