/// A part of a dataset: what a folder, a table's column or a table's name says of samples.
enum Part: String, Hashable {
  case train, val, test
  /// Images that nobody labelled, or whose labels are to be predicted.
  case unlabelled
}

/// The name of a folder or a file, looked at for the part of a dataset that it names: `train`, `seg_test`, `Val2017`, `dev_set`.
struct PartName {
  /// The part; nil where the name has no such word, or two.
  let part: Part?
  /// The words beside it that say nothing of their own are left out: `seg` in `seg_test`, nothing in `test_images`.
  let rest: [String]

  private static let words: [String: Part] = [
    "train": .train, "training": .train, "trainset": .train, "traindata": .train, "trainingset": .train, "trn": .train,
    "val": .val, "valid": .val, "validation": .val, "validate": .val, "valset": .val, "validset": .val, "dev": .val,
    "devset": .val, "eval": .val, "evaluation": .val, "development": .val,
    "test": .test, "testing": .test, "testset": .test, "testdata": .test, "testingset": .test, "holdout": .test,
    "tst": .test,
    "unlabeled": .unlabelled, "unlabelled": .unlabelled, "unsup": .unlabelled, "unsupervised": .unlabelled,
    "pred": .unlabelled, "predict": .unlabelled, "prediction": .unlabelled, "predictions": .unlabelled,
    "inference": .unlabelled,
  ]
  private static let fillers: Set<String> = [
    "set", "sets", "data", "dataset", "images", "image", "imgs", "img", "pics", "pictures", "photos", "split", "part",
    "folder", "dir", "files", "samples", "labels", "label", "annotations", "metadata", "csv",
  ]

  init(_ name: String) {
    let found = Self.split(name)
    let parts = found.compactMap { Self.words[$0] }
    part = parts.count == 1 ? parts[0] : nil
    rest = found.filter { Self.words[$0] == nil && !Self.fillers.contains($0) }
  }

  /// Whether it names a part and nothing beside it.
  var isPlain: Bool { part != nil && rest.isEmpty }

  /// The part that a name says without a word beside it.
  static func plain(_ name: String) -> Part? {
    let name = PartName(name)
    return name.isPlain ? name.part : nil
  }

  /// The part that a cell of a column of parts says, also in the words of known datasets: `PrivateTest` (FER-2013), `trainval`.
  static func ofCell(_ cell: String) -> Part? {
    let known: [String: Part] = ["publictest": .val, "privatetest": .test, "trainval": .train]
    return plain(cell) ?? known[cell.lowercased().filter(\.isLetter)]
  }

  /// The first of the folders above a file that is a part by its name.
  static func first(in folders: [String]) -> Part? { folders.lazy.compactMap(plain).first }

  /// The parts of folders that stand beside each other: an evaluation beside a validation, and no test, is the test part.
  static func apart(_ found: [(name: String, part: Part)]) -> [(name: String, part: Part)] {
    func isEvaluation(_ name: String) -> Bool { split(name).contains { $0 == "eval" || $0 == "evaluation" } }
    let hasTest = found.contains { $0.part == .test }
    guard !hasTest, found.contains(where: { $0.part == .val && !isEvaluation($0.name) }) else { return found }
    return found.map { (name: $0.name, part: $0.part == .val && isEvaluation($0.name) ? Part.test : $0.part) }
  }

  /// The words of a name in lower case, without digits: also `trainImages` has two.
  private static func split(_ name: String) -> [String] {
    var words: [String] = []
    var word = ""
    var wasLower = false
    for character in name {
      guard character.isLetter else {
        if !word.isEmpty { words.append(word) }
        (word, wasLower) = ("", false)
        continue
      }
      if wasLower, character.isUppercase {
        words.append(word)
        word = ""
      }
      word += character.lowercased()
      wasLower = character.isLowercase
    }
    if !word.isEmpty { words.append(word) }
    return words
  }
}

/// Names of folders that say what files are kept there for, and so are no class: `images`, `masks`.
func isGenericFolder(_ name: String) -> Bool { isImagesFolder(name) || isMaskFolder(name) }

/// Names of folders that say that the images themselves are kept there: `images`, `JPEGImages`.
func isImagesFolder(_ name: String) -> Bool {
  let generic: Set<String> = [
    "images", "image", "imgs", "img", "pics", "pictures", "photos", "photo", "frames", "jpg", "jpegs", "jpeg", "png",
    "pngs",
    "jpegimages", "files", "data", "dataset", "raw", "rgb", "color", "colour",
  ]
  return generic.contains(name.lowercased())
}

/// Names of folders that say that something belonging to each image is kept there, which is none itself: `masks`, `depth`.
func isMaskFolder(_ name: String) -> Bool {
  let generic: Set<String> = [
    "mask", "masks", "trimap", "trimaps", "labels", "annotations", "annotation", "gt", "gts", "groundtruth",
    "segmentation", "segmentations", "segmentationclass", "segmentationobject", "segmentationmask",
    "segmentationmasks", "segmask", "segmasks", "depth", "depths", "depthmap", "depthmaps", "disparity",
  ]
  return generic.contains(name.lowercased().filter { !"_- ".contains($0) })
}

/// Words that say of a folder or an archive that it is a piece of a dataset: `part_1`, `shard-a`.
let pieceWords: Set<String> = ["part", "shard", "chunk", "batch", "volume", "vol", "archive", "split", "piece"]

/// The names that say that they are pieces of one dataset, and no classes: `fold1` and `fold2`, `data_batch_1` and `data_batch_2`.
///
/// Each has a number and a word for a piece. One with other words beside it is a piece where another name differs from it in numbers alone.
func pieces(among names: [String]) -> [String] {
  let numbered: Set<String> = [
    "fold", "set", "subset", "dir", "directory", "folder", "images", "image", "imgs", "img", "pics", "pictures",
    "photos", "frames", "data", "dataset", "files",
  ]
  // `image_class_1` and `dataset_digit_2` are named after their classes.
  let ofClasses: Set<String> = ["class", "cls", "category", "label", "type", "digit", "letter", "person", "species"]
  let alike = Dictionary(grouping: names, by: withoutNumbers)
  return names.filter { name in
    let words = name.lowercased().split { !$0.isLetter }.map(String.init)
    guard name.contains(where: \.isNumber), words.contains(where: { pieceWords.contains($0) || numbered.contains($0) }),
      !words.contains(where: ofClasses.contains)
    else { return false }
    return words.count == 1 || (alike[withoutNumbers(name)] ?? []).count > 1
  }
}

/// A name in lower case with a sign in place of every number.
private func withoutNumbers(_ name: String) -> String {
  var text = ""
  for character in name.lowercased() {
    if !character.isNumber {
      text.append(character)
    } else if text.last != "#" {
      text.append("#")
    }
  }
  return text
}
