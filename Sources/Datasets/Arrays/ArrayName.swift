/// What the name of a file of arrays says: what is in it, of which split, of which dataset.
///
/// `kmnist-train-imgs` is images, train, `kmnist`; `y_test` is labels, test, of no dataset in particular.
struct ArrayName {
  enum Role { case images, labels }
  private(set) var role: Role?
  private(set) var split: Part?
  /// The other words, joined by dashes: the dataset's name.
  private(set) var dataset = ""

  /// Whether the split is that of the file's own name, and not of a folder above it.
  private var hasOwnSplit = false

  /// Reads a path's last part without its extensions; where it says no split, a folder above may: `train/images.npy`.
  init(_ path: String) {
    let base = path.split(separator: "/").last.map(String.init) ?? path
    let stem = Self.stem(base)
    var others: [String] = []
    for word in stem.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber }).map(String.init) {
      if let (role, split) = Self.meaning(of: word), role == nil || self.role == nil, split == nil || self.split == nil
      {
        self.role = role ?? self.role
        self.split = split ?? self.split
      } else {
        others.append(word)
      }
    }
    dataset = others.joined(separator: "-")
    hasOwnSplit = split != nil
    split = split ?? PartName.first(in: path.split(separator: "/").dropLast().map(String.init))
  }

  /// `cifar10.1_v6_data` of `cifar10.1_v6_data.npy`.
  private static func stem(_ base: String) -> String {
    var pieces = base.split(separator: ".").map(String.init)
    let endings: Set<String> = ["npy", "npz", "csv", "tsv", "gz", "xz", "zst", "bz2", "zip", "tar", "mat"]
    guard let last = pieces.last, endings.contains(last.lowercased()) else { return pieces.first ?? base }
    while pieces.count > 1, let last = pieces.last, endings.contains(last.lowercased()) { pieces.removeLast() }
    return pieces.joined(separator: ".")
  }

  private static func meaning(of word: String) -> (role: Role?, split: Part?)? {
    switch word {
    case "x", "images", "image", "imgs", "img", "data": return (.images, nil)
    case "y", "labels", "label", "lbls", "targets", "target": return (.labels, nil)
    case "t10k": return (nil, .test)
    default: break
    }
    if let split = PartName.plain(word) { return (nil, split) }
    // `xtrain`, `ytest`.
    if let first = word.first, first == "x" || first == "y", let split = PartName.plain(String(word.dropFirst())) {
      return (first == "x" ? .images : .labels, split)
    }
    return nil
  }

  /// Whether it is what NumPy calls an array that was given no name: `arr_0`.
  var isUnnamed: Bool { role == nil && !hasOwnSplit && dataset.hasPrefix("arr-") }

  /// Whether it says all that an array's name can say: what it holds, and nothing else but the split.
  var isExact: Bool { role != nil && dataset.isEmpty }
}

/// One of several datasets in one input, as `--subset` names it.
struct Subset {
  let name: String

  /// Whether something that has these names is it: a dataset's name, a word of it, or a folder above it.
  func includes(_ names: [String]) -> Bool {
    names.contains { other in
      let other = other.lowercased()
      return other == name.lowercased() || other.split(separator: "-").contains { $0 == name.lowercased() }
    }
  }

  /// The error for an input with several datasets of which none was chosen.
  static func choice(_ names: some Sequence<String>, in place: String) -> DataError {
    DataError(
      .badInput, at: [place], "several datasets are in it: \(Set(names).sorted().joined(separator: ", "))",
      remedy: "choose one with --subset NAME")
  }

  /// The error for a subset that is not there.
  func missing(among names: some Sequence<String>, in place: String) -> DataError {
    DataError(
      .badInput, at: [place], "there is no dataset “\(name)” in it",
      remedy: "it holds \(Set(names.filter { !$0.isEmpty }).sorted().joined(separator: ", "))")
  }
}
