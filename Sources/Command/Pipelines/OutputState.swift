internal import Datasets
internal import Glibc
internal import Shards

/// What is under the name of a dataset before it is made.
enum OutputState: Equatable {
  /// Nothing, or an empty folder.
  case absent
  /// A whole dataset of this very recipe.
  case upToDate
  /// A dataset that may be replaced; why it is not what is wanted.
  case outdated(String)
  /// Something that is not ours to remove; what.
  case foreign(String)

  /// Looks at the folder: manifest, recipe, and the sizes of the shards, not their bytes.
  ///
  /// - Throws: `DataError`: `.io` when it cannot be looked at, `.cannotCreate` for a manifest that cannot be read.
  init(of folder: String, for recipe: Recipe) throws(DataError) {
    var status = stat()
    guard lstat(folder, &status) == 0 else {
      guard errno == ENOENT else { throw DataError(.cannotCreate, at: [folder], String(cString: strerror(errno))) }
      self = .absent
      return
    }
    guard isFolder(folder) else {
      self = .foreign("exists and is not a folder")
      return
    }
    switch try DatasetFolder(folder, beside: pipelineRecords, fault: .cannotCreate) {
    case .empty: self = .absent
    case .dataset: self = Self.judge(folder, recipe)
    case .datasetWith(let stranger): self = .foreign("holds \(stranger), which is not part of the dataset")
    case .foreign(let stranger): self = .foreign("is not a dataset: it holds \(stranger)")
    case .unfinished: self = .foreign("holds what an interrupted pipe shard left")
    }
  }

  /// What is wrong with the sizes of a dataset's shards, as a clause; nil for nothing.
  private static func damage(of folder: String, _ manifest: Manifest) -> String? {
    for shard in manifest.shards {
      var status = stat()
      guard stat("\(folder)/\(shard.name)", &status) == 0 else { return "has lost \(shard.name)" }
      if Int(status.st_size) != shard.bytes { return "is damaged: the size of \(shard.name) is wrong" }
    }
    return nil
  }

  /// Whether a step can begin with the images of what is there: not before the first night, nor with a dataset that is to be made anew because it is damaged.
  ///
  /// What cannot be looked at is left to the step, which says so.
  static func canBegin(with path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return errno != ENOENT }
    guard status.st_mode & S_IFMT == S_IFDIR else { return true }
    guard let manifest = try? Manifest(inFolder: path) else { return false }
    return damage(of: path, manifest) == nil
  }

  private static func judge(_ folder: String, _ recipe: Recipe) -> OutputState {
    guard let file = RecipeFile(inFolder: folder) else { return .outdated("was not made by pipe run") }
    guard let manifest = try? Manifest(inFolder: folder) else { return .outdated("has a damaged manifest") }
    guard file.generation == manifest.generation else { return .outdated("has another manifest than its recipe says") }
    if let damage = damage(of: folder, manifest) { return .outdated(damage) }
    if file.digest != recipe.digest || recipe.beginsAnew(after: file.recipe) {
      return .outdated(recipe.difference(from: file.recipe) ?? "was made with another recipe")
    }
    return file.complete ? .upToDate : .outdated("was ended early by Ctrl-C")
  }
}
