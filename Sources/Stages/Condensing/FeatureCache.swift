import Datasets
import Foundation
import Methods
import Networks
import Shards
import Tensors

extension Normalization {
  /// What the name of a kept network has where its images are not normalised as they are measured.
  var cacheLine: String { "normalized by \(mean) \(std)\n" }
}

/// Where the feature network of selections is kept.
///
/// The name of the kept file is a digest of everything that the weights depend on, so a change of data or options never
/// finds an old file. A damaged one is reported and made again.
struct FeatureCache: Sendable {
  /// Counted up where networks come to be trained otherwise: a build finds no networks of one that trained differently.
  private static let format = 2
  private let recipe: FeatureNetwork.Recipe
  private let text: String
  /// Nil where nothing is kept.
  private let path: String?

  /// The place for a recipe and these images; `directory` is nil where nothing is to be kept.
  ///
  /// - Parameter normalization: how the network sees the images; nil for the one that is measured on them.
  init(
    _ recipe: FeatureNetwork.Recipe, for store: ClassStore, normalization: Normalization?, seed: UInt64,
    directory: String?
  ) {
    let network = recipe.network
    let device = Runtime.device == .cpu ? "" : "device \(Runtime.device)\n"
    let text =
      "feature network \(Self.format)\n\(store.digest)\n\(network.name) \(network.input) \(network.classes) \(network.layers) \(network.precision)\n\(recipe.training)\nseed \(seed)\n\(device)"
      + (normalization?.cacheLine ?? "")
    self.recipe = recipe
    self.text = text
    path = directory.map { "\($0)/features-\(sha256(Array(text.utf8)).prefix(32)).safetensors" }
  }

  /// Whether such a network was kept before.
  var isKept: Bool { path.map { FileManager.default.fileExists(atPath: $0) } ?? false }

  /// The network, taken from the cache, or trained and kept there; with the steps of its training.
  ///
  /// One whose training was cut short, or diverged, is not kept.
  func made(
    log: (String) -> Void, _ train: () throws(TensorError) -> (network: Network, steps: Int)
  ) throws(TensorError) -> (network: Network, steps: Int) {
    if let kept = kept(log) { return (kept, recipe.training.steps) }
    log("training a network for features, \(path.map { "to be kept as \($0)" } ?? "not to be kept: there is no cache")")
    let result = try train()
    if result.steps < recipe.training.steps {
      log(
        "the feature network was stopped after \(result.steps) of \(recipe.training.steps) steps: it is used as it is")
    } else if let path, result.network.parameters.allSatisfy({ $0.floats().allSatisfy(\.isFinite) }) {
      do throws(DataError) {
        try TensorFile(
          tensors: Dictionary(uniqueKeysWithValues: zip(names, result.network.parameters + result.network.buffers)),
          metadata: ["recipe": text]
        ).write(to: path)
      } catch {
        log("the feature network could not be kept: \(error)")
      }
    }
    return result
  }

  private var names: [String] {
    recipe.network.parameterShapes.indices.map { "parameter.\($0)" }
      + recipe.network.bufferShapes.indices.map { "buffer.\($0)" }
  }

  private func kept(_ log: (String) -> Void) -> Network? {
    guard let path, isKept else { return nil }
    let shapes = recipe.network.parameterShapes + recipe.network.bufferShapes
    do throws(DataError) {
      let file = try TensorFile(verified: path)
      let tensors = names.compactMap { file.tensors[$0] }
      if tensors.map(\.shape) == shapes {
        log("features from the network in \(path)")
        markUsed(path)
        let count = recipe.network.parameterShapes.count
        return Network(
          recipe.network, parameters: Array(tensors[..<count]), buffers: Array(tensors[count...]))
      }
      log("\(path) holds other shapes than \(shapes); it is made again")
    } catch {
      log(error.madeAgain)
    }
    return nil
  }
}
