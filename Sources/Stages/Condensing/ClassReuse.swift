public import Datasets
import Foundation
import Methods
import Shards
import Tensors

/// Images of classes that an earlier run made, where nothing that they depend on has changed since.
///
/// A class depends on the seed, the options in force, the normalisation, its own number and samples, and the networks; not on the other
/// classes, where the method's classes are independent and its networks are drawn from the seed or given. Its file is named after the digest of
/// all that; a damaged one is reported and made again.
struct ClassReuse {
  /// What is kept of one class.
  private struct Kept {
    /// Steps that made them.
    var steps: Int
    /// Float images (n, C, H, W), one after the other; empty for a selection.
    var values: [Float]
    /// Of a selection, the places of the images in their class.
    var places: [Int]?
  }

  private let real: ClassStore
  private let counts: [Int]
  private let formation: Formation
  /// By class; nil where none is made of it.
  private let paths: [String?]
  private let texts: [String]
  private var kept: [Int: Kept] = [:]

  /// Looks for every class.
  ///
  /// - Parameters:
  ///   - recipe: what all classes share: tool, method, options in force, seed, networks, normalisation.
  ///   - directory: the cache.
  init(
    _ recipe: String, of real: ClassStore, counts: [Int], formation: Formation, directory: String, log: (String) -> Void
  ) {
    (self.real, self.counts, self.formation) = (real, counts, formation)
    texts = counts.indices.map { label in
      guard counts[label] > 0 else { return "" }
      return
        "class 1\n\(recipe)\nclass \(label) images \(counts[label]) of \(real.shape)\nsamples \(real.digest(ofClass: label))\n"
    }
    paths = texts.map { $0.isEmpty ? nil : "\(directory)/class-\(sha256(Array($0.utf8)).prefix(40)).safetensors" }
    for (label, path) in paths.enumerated() {
      guard let path, FileManager.default.fileExists(atPath: path) else { continue }
      do throws(DataError) {
        kept[label] = try read(path, label)
        markUsed(path)
      } catch {
        log(error.madeAgain)
      }
    }
  }

  /// The classes whose images are there.
  var classes: [Int] { kept.keys.sorted() }

  /// Images that are still to be made of each class.
  var missing: [Int] { counts.indices.map { kept[$0] == nil ? counts[$0] : 0 } }

  private func read(_ path: String, _ label: Int) throws(DataError) -> Kept {
    let file = try TensorFile(verified: path)
    let values = file.tensors["images"]?.floats() ?? []
    let places = file.metadata["places"].map { $0.split(separator: " ").compactMap { Int($0) } }
    let images = places?.count ?? values.count / Int(real.shape.values)
    guard let steps = file.metadata["steps"].flatMap({ Int($0) }), file.metadata["recipe"] == texts[label],
      images == min(counts[label], places == nil ? .max : real.count(ofClass: label)),
      places?.allSatisfy({ (0..<real.count(ofClass: label)).contains($0) }) ?? true
    else { throw DataError(.badInput, at: [path], "is damaged") }
    return Kept(steps: steps, values: values, places: places)
  }

  /// Keeps every class of a whole run.
  ///
  /// Failure only costs time later, so it is said and no more.
  func keep(_ made: Condensation, log: (String) -> Void) {
    let values = made.synthetic.images.floats()
    let size = values.count / max(1, made.synthetic.labels.count)
    for (label, path) in paths.enumerated() where kept[label] == nil {
      let rows = made.synthetic.labels.indices.filter { made.synthetic.labels[$0] == label }
      guard let path, let first = rows.first, let last = rows.last else { continue }
      let places = made.synthetic.sources.map { sources in rows.map { sources[$0].index } }
      let images = places == nil ? Array(values[first * size..<(last + 1) * size]) : []
      var metadata = ["recipe": texts[label], "steps": String(made.steps)]
      metadata["places"] = places.map { $0.map(String.init).joined(separator: " ") }
      let shape = [images.count / size, real.shape.channels, real.shape.height, real.shape.width]
      do throws(DataError) {
        try TensorFile(tensors: places == nil ? ["images": Tensor(images, shape: shape)] : [:], metadata: metadata)
          .write(
            to: path)
      } catch {
        log("the images of class \(real.classNames[label]) could not be kept: \(error)")
      }
    }
  }

  /// All classes in order: those that are kept, and those that were made now; nil where there are none of these.
  func whole(with made: Condensation?) throws(TensorError) -> Condensation {
    var (labels, values, sources) = ([Int](), [Float](), [SourceImage]())
    let fresh = made?.synthetic.images.floats() ?? []
    let size = Int(real.shape.values)
    for label in counts.indices {
      if let kept = kept[label] {
        let count = kept.places?.count ?? kept.values.count / size
        labels += Array(repeating: label, count: count)
        values += kept.values
        sources += (kept.places ?? []).map { SourceImage(label: label, index: $0) }
      } else if let synthetic = made?.synthetic {
        for row in synthetic.labels.indices where synthetic.labels[row] == label {
          labels.append(label)
          values += fresh[row * size..<(row + 1) * size]
          if let source = synthetic.sources?[row] { sources.append(source) }
        }
      }
    }
    let steps = made?.steps ?? kept.values.map(\.steps).max() ?? 0
    if sources.count == labels.count {
      return Condensation(
        synthetic: try Synthetic(selecting: sources, from: real), steps: steps, lastReport: made?.lastReport)
    }
    let shape = [labels.count, real.shape.channels, real.shape.height, real.shape.width]
    return Condensation(
      synthetic: Synthetic(images: Tensor(values, shape: shape), labels: labels, formation: formation), steps: steps,
      lastReport: made?.lastReport)
  }
}

extension ClassStore {
  /// SHA-256 over the pixels of a class, in archive order.
  func digest(ofClass label: Int) -> String {
    let hash = SHA256()
    for start in stride(from: 0, to: count(ofClass: label), by: 500) {
      let images = images(ofClass: label, at: Array(start..<min(start + 500, count(ofClass: label))))
      if isSpectrogram {
        images.floats().withUnsafeBytes { hash.update($0) }
      } else {
        images.bytes().withUnsafeBytes { hash.update($0) }
      }
    }
    return hash.finish()
  }
}

extension Normalization {
  /// Reads `0.49,0.48,0.45:0.25,0.24,0.26`: a mean for each channel, and as many deviations of 0.0001 or more.
  public init?(text: String) {
    let sides = text.split(separator: ":", omittingEmptySubsequences: false).map { side in
      side.split(separator: ",", omittingEmptySubsequences: false).map { Float($0) }
    }
    guard sides.count == 2, sides[0].count == sides[1].count else { return nil }
    let (means, deviations) = (sides[0].compactMap(\.self), sides[1].compactMap(\.self))
    guard means.count == sides[0].count, deviations.count == sides[1].count,
      // White is 1: what is much farther out, or divided by next to nothing, cannot be computed with.
      means.allSatisfy({ abs($0) <= 1e4 }), deviations.allSatisfy({ $0.isFinite && $0 >= 1e-4 })
    else { return nil }
    self.init(mean: means, std: deviations)
  }
}
