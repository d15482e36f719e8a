internal import Catalog
internal import Datasets
internal import Glibc
internal import Shards

/// Where a dataset of a pipeline keeps how far it is, so that a job that was killed goes on: a hidden file beside its output, or one at the
/// place that a step names.
///
/// It is named after the recipe and the build: what is asked for now never meets a checkpoint of something else.
struct CheckpointPlace {
  /// `.NAME.RECIPE.checkpoint`; with a typed `FILE.checkpoint` that is `FILE.OUTPUT.RECIPE.checkpoint`.
  let path: String
  private let folder: String
  private let prefix: String

  private static let suffix = ".checkpoint"
  private static let digits = 32

  /// The place for an output, as it is resolved.
  ///
  /// - Parameters:
  ///   - typed: the file that a step names; nil for none.
  ///   - step: the number of that step.
  init(of output: String, for recipe: Recipe, typed: String? = nil, step: Int = 0) {
    if let typed {
      folder = parentFolder(of: typed)
      var name = HeldDataset.lastName(of: typed)
      if name.hasSuffix(Self.suffix), name != Self.suffix { name = String(name.dropLast(Self.suffix.count)) }
      // Several steps may name the same file, and each removes only what was its own.
      let real = realpath(parentFolder(of: output), nil)
      defer { free(real) }
      let parent = real.map { String(cString: $0) } ?? parentFolder(of: output)
      let place = sha256(Array("\(parent)/\(HeldDataset.lastName(of: output)) \(step)".utf8)).prefix(8)
      prefix = "\(Self.short(name)).\(place)."
    } else {
      folder = parentFolder(of: output)
      prefix = ".\(Self.short(HeldDataset.lastName(of: output)))."
    }
    // Another build may compute otherwise, and the recipe does not tell where the images began.
    let start = recipe.startsFrom == nil ? "" : " from an earlier set"
    let digest = sha256(Array("\(recipe.digest) \(BuiltFrom.this.text)\(start)".utf8))
    path = "\(folder)/\(prefix)\(digest.suffix(Self.digits))\(Self.suffix)"
  }

  /// With what is put around it, a name may be too long.
  private static func short(_ name: String) -> String {
    name.utf8.count > 180 ? "pipe-" + sha256(Array(name.utf8)).prefix(32) : name
  }

  /// Whether a run has left something there.
  var exists: Bool { access(path, F_OK) == 0 }

  /// Removes the file; the dataset is made.
  func remove() { unlink(path) }

  /// Removes those of earlier recipes of the same output.
  func removeOthers() {
    for name in (try? listFolder(folder, .io)) ?? [] {
      let digest = name.dropFirst(prefix.count).dropLast(Self.suffix.count)
      guard name.hasPrefix(prefix), name.hasSuffix(Self.suffix), digest.count == Self.digits,
        digest.allSatisfy(\.isHexDigit), "\(folder)/\(name)" != path
      else { continue }
      unlink("\(folder)/\(name)")
    }
  }
}

extension DatasetPlan {
  /// Where its steps keep how far they are, by the number of the step.
  ///
  /// A file that a step names is the place and no more: the recipe is added to its name, as to that of the hidden one.
  func checkpoints(of output: String, for recipe: Recipe) -> [Int: CheckpointPlace] {
    let first = steps.firstIndex { $0.takesCheckpoint && $0.typedCheckpoint == nil }
    var places: [Int: CheckpointPlace] = [:]
    for (index, step) in steps.enumerated() where step.takesCheckpoint {
      if let typed = step.typedCheckpoint {
        places[index] = CheckpointPlace(of: output, for: recipe, typed: typed, step: index)
      } else if index == first {
        places[index] = CheckpointPlace(of: output, for: recipe)
      }
    }
    return places
  }
}

extension DatasetPlan.Step {
  /// Whether it can be told where to keep trained networks.
  var hasCache: Bool { Catalog.verb(verb)?.option("cache") != nil && !words.contains { $0.hasPrefix("--model") } }

  /// The same, where the file does not say it.
  var takesCache: Bool { hasCache && !words.contains { $0.hasPrefix("--cache=") } }

  /// Whether it keeps checkpoints.
  var takesCheckpoint: Bool {
    guard Catalog.verb(verb)?.option("checkpoint") != nil, !words.contains(where: { $0.hasPrefix("--model") })
    else { return false }
    return Catalog.method(recorded["method"] ?? Catalog.defaultMethod)?.understands("checkpoint") ?? false
  }

  /// The file that it names for them; nil for none.
  var typedCheckpoint: String? {
    let name = "--checkpoint="
    return words.last { $0.hasPrefix(name) }.map { String($0.dropFirst(name.count)) }
  }
}
