/// What the path of an IDX file says: its split, and its dataset where several lie together.
struct IDXName {
  /// `train` or `t10k`/`test` in the name.
  let split: DatasetInfo.Split?
  /// What stands before the split and the kind: `emnist-letters`, nothing in `train-images-idx3-ubyte`; nil for a name of another form.
  let dataset: String?
  /// What `--subset` may call it: the dataset, and the folders above.
  let names: [String]

  init(_ path: String) {
    let parts = path.split(separator: "/").map(String.init)
    let name = (parts.last ?? path).lowercased()
    split = name.contains("t10k") || name.contains("test") ? .test : name.contains("train") ? .train : nil
    let markers = ["t10k", "test", "train", "images", "labels"].compactMap { name.range(of: $0)?.lowerBound }
    dataset = markers.min().map { start in
      let words = name[..<start].split(whereSeparator: { !$0.isLetter && !$0.isNumber })
      return words.joined(separator: "-")
    }
    names = [dataset ?? ""] + parts.dropLast()
  }

  /// What the log shall say of the dataset.
  var notes: [String] {
    guard let dataset, dataset.split(separator: "-").first == "emnist" else { return [] }
    return [Self.transposedNote]
  }

  /// What to say of EMNIST.
  static let transposedNote =
    "EMNIST's images are stored with rows and columns exchanged; they are passed on so, as torchvision does"
}
