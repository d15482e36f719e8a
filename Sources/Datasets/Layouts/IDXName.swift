/// What the path of an IDX file says: its part, and its dataset where several lie together.
struct IDXName {
  /// `train`, `t10k` or `test`, or `validation` in the name.
  let part: Part?
  /// What stands before the split and the kind: `emnist-letters`, nothing in `train-images-idx3-ubyte`; nil for a name of another form.
  let dataset: String?
  /// What `--subset` may call it: the dataset, and the folders above.
  let names: [String]

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
    names = [dataset ?? ""] + parts.dropLast()
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
