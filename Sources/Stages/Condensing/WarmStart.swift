import Datasets
import Methods
import Shards
public import Tensors

/// The images of an earlier condensed dataset, with which the classes of the same names begin.
///
/// A class begins with them where the earlier set has as many images of it as are asked for. Where it has not, or the images are of another size or
/// another formation, the class begins as `--init` says.
public struct WarmStart: Sendable {
  /// The dataset, as messages name it.
  public let name: String
  /// SHA-256 over class names, formation and images.
  public let digest: String
  private let formation: Formation
  private let spectrogram: Spectrogram?
  /// Un-normalised, n×C×H×W, as stored.
  private let images: [String: Tensor]

  /// The images of a set, as they are stored.
  public init(_ set: TrainingImages, named name: String) throws(TensorError) {
    self.name = name
    formation = set.info.formation ?? Formation(factor: 1)
    spectrogram = set.info.spectrogram
    let hash = SHA256()
    Array("\(set.info.classNames)\n\(formation)\n\(set.labels)\n\(set.images.shape)\n".utf8)
      .withUnsafeBytes { hash.update($0) }
    set.images.floats().withUnsafeBytes { hash.update($0) }
    digest = hash.finish()
    var images: [String: Tensor] = [:]
    for (label, name) in set.info.classNames.enumerated() {
      let rows = set.labels.indices.filter { set.labels[$0] == label }
      if !rows.isEmpty { images[name] = try set.images.indexed(by: Tensor(integers: rows)) }
    }
    self.images = images
  }

  /// The first images of the classes that can begin with those of the set, un-normalised, by class; the others are told.
  func firstImages(
    counts: [Int], formation: Formation, of store: ClassStore, log: (String) -> Void
  ) -> [Int: Tensor] {
    var found: [Int: Tensor] = [:]
    var reasons: [String: [String]] = [:]
    for label in counts.indices where counts[label] > 0 {
      if let reason = obstacle(
        store.classNames[label], count: counts[label], of: store.shape, formation, store.described.spectrogram)
      {
        reasons[reason, default: []].append(store.classNames[label])
      } else {
        found[label] = images[store.classNames[label]]
      }
    }
    let wanted = counts.count { $0 > 0 }
    log("\(found.count) of \(counted(wanted, "class")) begin with the images of \(name)")
    for (reason, classes) in reasons.sorted(by: { $0.value[0] < $1.value[0] }) {
      let some = classes.prefix(5).joined(separator: ", ") + (classes.count > 5 ? ", …" : "")
      log("begins as --init says: \(some); \(reason)")
    }
    return found
  }

  /// Why the class `name` cannot begin with the set's images in a run that makes `count` of that shape and formation; nil where it can.
  private func obstacle(
    _ name: String, count: Int, of shape: ImageShape, _ formation: Formation, _ spectrogram: Spectrogram?
  ) -> String? {
    if spectrogram != self.spectrogram {
      return "\(self.name) and the real samples are not spectrograms of one kind, or images both"
    }
    guard formation == self.formation || max(formation.factor, self.formation.factor) == 1 else {
      func text(_ formation: Formation) -> String { "\(formation.kind.rawValue) with factor \(formation.factor)" }
      return "the formation of \(self.name) is \(text(self.formation)), and \(text(formation)) is asked for"
    }
    guard let found = images[name] else { return "\(self.name) has no images of it" }
    let wanted = [shape.channels, shape.height, shape.width]
    guard Array(found.shape.dropFirst()) == wanted else {
      return
        "\(self.name) has images of \(shapeText(Array(found.shape.dropFirst()))), and these are of \(shapeText(wanted))"
    }
    guard found.shape[0] == count else {
      return "\(self.name) has \(counted(found.shape[0], "image")) of it, and \(count) are asked for"
    }
    return nil
  }
}
