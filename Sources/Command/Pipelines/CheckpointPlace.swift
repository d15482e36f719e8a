internal import Catalog
internal import Datasets
internal import Glibc
internal import Shards

/// Where a dataset of a pipeline keeps how far it is, so that a job that was killed goes on: a hidden file beside its output.
///
/// It is named after the recipe: what is asked for now never meets a checkpoint of something else.
struct CheckpointPlace {
  /// `.NAME.RECIPE.checkpoint`.
  let path: String
  private let folder: String
  private let prefix: String

  private static let suffix = ".checkpoint"
  private static let digits = 32

  /// The place for an output, as it is resolved.
  init(of output: String, for recipe: Recipe) {
    folder = parentFolder(of: output)
    var name = String(output.split(separator: "/").last ?? "")
    // With what is put around it, a name may be too long.
    if name.utf8.count > 200 { name = "pipe-" + sha256(Array(name.utf8)).prefix(32) }
    prefix = ".\(name)."
    path = "\(folder)/\(prefix)\(recipe.digest.suffix(Self.digits))\(Self.suffix)"
  }

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

extension DatasetPlan.Step {
  /// Whether it can be told where to keep trained networks, and was not.
  var takesCache: Bool {
    Catalog.verb(verb)?.option("cache") != nil
      && !words.contains { $0.hasPrefix("--cache=") || $0.hasPrefix("--model") }
  }

  /// Whether it can be told where to keep its checkpoints, and was not.
  var takesCheckpoint: Bool {
    guard Catalog.verb(verb)?.option("checkpoint") != nil,
      !words.contains(where: { $0.hasPrefix("--checkpoint=") || $0.hasPrefix("--model") })
    else { return false }
    return Catalog.method(recorded["method"] ?? Catalog.defaultMethod)?.understands("checkpoint") ?? false
  }
}
