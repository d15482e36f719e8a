/// What the path of an IDX file says: its part, and its dataset where several lie together.
struct IDXName {
  /// `train`, `t10k` or `test`, or `validation` in the name.
  let part: Part?
  /// What stands before the split and the kind: `emnist-letters`, nothing in `train-images-idx3-ubyte`; nil for a name of another form.
  let dataset: String?
  /// The folders above it, which `--subset` may name, too.
  let folders: [String]

  init(_ path: String) {
    let parts = path.split(separator: "/").map(String.init)
    let name = (parts.last ?? path).lowercased()
    part =
      name.contains("t10k") || name.contains("test")
      ? .test : name.contains("train") ? .train : PartName(name).part == .val ? .val : nil
    let validation = part == .val ? ["val", "dev", "eval"] : []
    let markers = (["t10k", "test", "train", "images", "labels"] + validation).compactMap {
      name.range(of: $0)?.lowerBound
    }
    dataset = markers.min().map { start in
      let words = name[..<start].split(whereSeparator: { !$0.isLetter && !$0.isNumber })
      return words.joined(separator: "-")
    }
    folders = Array(parts.dropLast())
  }

  /// What `--subset` calls its dataset: the name, else the last folder that says more than that files are kept there.
  var choice: String? {
    guard let dataset else { return nil }
    guard dataset.isEmpty else { return dataset }
    return folders.last(where: { !isGenericFolder($0) && $0.lowercased() != "gzip" }) ?? "(no name)"
  }

  /// The split that the part is read for.
  var split: DatasetInfo.Split? { part.map { $0 == .train ? .train : .test } }

  /// What the log shall say of the dataset.
  var notes: [String] {
    guard let dataset, dataset.split(separator: "-").first == "emnist" else { return [] }
    return [Self.transposedNote]
  }

  /// What to say of EMNIST.
  static let transposedNote =
    "EMNIST's images are stored with rows and columns exchanged; they are passed on so, as torchvision does"
}

extension Subset {
  /// Those of several files that are meant; none where none is.
  ///
  /// A name is first that of a dataset, then that of a folder, then either in other capitals, and a word of one last. Where several
  /// datasets have it, the next of these divides them: in a folder `QMNIST` with `qmnist-…` and `xnist-…` the former are `QMNIST`.
  func chosen<Candidate>(
    _ all: [Candidate], dataset: @escaping (Candidate) -> String, folders: @escaping (Candidate) -> [String]
  ) -> [Candidate] {
    let lower = name.lowercased()
    func hasWord(_ text: String) -> Bool { text.lowercased().split(separator: "-").contains { $0 == lower } }
    let tests: [(Candidate) -> Bool] = [
      { dataset($0) == name }, { folders($0).contains(name) }, { dataset($0).lowercased() == lower },
      { candidate in folders(candidate).contains { $0.lowercased() == lower } },
      { hasWord(dataset($0)) || folders($0).contains(where: hasWord) },
    ]
    var left = all
    var isFound = false
    for test in tests {
      let kept = left.filter(test)
      guard !kept.isEmpty else { continue }
      (left, isFound) = (kept, true)
      if Set(left.map(dataset)).count == 1 { break }
    }
    return isFound ? left : []
  }
}
