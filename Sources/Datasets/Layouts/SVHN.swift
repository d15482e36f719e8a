extension Layout {
  /// The cropped digits of SVHN: `train_32x32.mat`, `test_32x32.mat`.
  public static let svhn = Layout("svhn") { member, _ in
    member.basename.lowercased().hasSuffix("_32x32.mat")
  } open: { request throws(DataError) in
    try SVHN.open(request)
  }
}

/// The cropped digits of SVHN, in files of MATLAB.
///
/// `X` is 32×32×3×N bytes, column by column; `y` has N labels, 1 to 10, where 10 is the digit 0. The additional images in
/// `extra_32x32.mat` are read where only they are given, and as a part of the train split where the user names them beside other files.
enum SVHN {
  private static let side = 32
  private static let imageBytes = 3 * side * side
  /// Bytes of images that are held at once.
  ///
  /// A compressed array is read from its start for each block.
  private static let blockBytes = 256 << 20

  /// A file that may be read.
  private struct Candidate {
    /// What it is called; nil for the additional images, which are of no split.
    var split: DatasetInfo.Split?
    var place: [String]
    /// Whether it has additional images and is one of several inputs, so that the user means it.
    var isNamedExtra: Bool
  }

  private static func split(_ path: String) -> DatasetInfo.Split? {
    switch ArrayName(path).split {
    case .train: .train
    case .test, .val: .test
    case .unlabelled, nil: nil
    }
  }

  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    let container = request.container
    let isNamed = container.bareFiles != nil
    var found: [Candidate] = []
    let first = try container.open(last: false)
    while let member = try first.next() {
      guard isNamed || member.path.lowercased().hasSuffix(".mat") else { continue }
      let split = Self.split(member.path)
      // A file that is an input itself has no place in another.
      let isExtra = split == nil && member.basename.lowercased().contains("extra")
      found.append(
        Candidate(
          split: split, place: first.place,
          isNamedExtra: container.isListed && isExtra && first.place.count == 1))
    }
    let chosen = try Self.chosen(found, isNamed: isNamed, request)
    let reader = try container.open(last: true)
    var files: [Images] = []
    while files.count < chosen.count, try reader.next() != nil {
      guard chosen.contains(where: { $0.place == reader.place }) else { continue }
      files.append(try Images(try MATFile(try reader.memberSource(), limits: request.options.limits), at: reader.place))
    }
    guard files.count == chosen.count else {
      throw DataError(.io, at: [container.name], "the input changed while it was read")
    }
    var notes: [String] = []
    for note in files.compactMap(\.note) where !notes.contains(note) { notes.append(note) }
    let isSkipped = found.contains { other in
      other.split == nil && !other.isNamedExtra && !chosen.contains { $0.place == other.place }
    }
    if isSkipped {
      notes.append(
        "the additional images were skipped; give each of the files with an -i of its own to read them as well")
    }
    if chosen.count > 1 {
      let names = chosen.map { $0.place.last ?? "" }
      notes.append("read one after another: \(someOf(names))")
    }
    // The file that is read, and how many images the files before it have.
    var (current, before) = (0, 0)
    return try LabelledImages(
      shape: [3, side, side], labels: files.flatMap(\.labels), classNames: (0..<10).map(String.init), mirror: false,
      split: chosen.count > 1 ? .train : chosen[0].split, name: "svhn", notes: notes,
      place: chosen.count > 1 ? [container.name] : chosen[0].place,
      image: { index throws(DataError) in
        while index - before >= files[current].labels.count {
          before += files[current].labels.count
          files[current].release()
          current += 1
        }
        return .pixels(try files[current].pixels(index - before))
      },
      finish: { () throws(DataError) in
        while try reader.next() != nil {}
      }
    ).opened(request)
  }

  /// The files that are read, in the order of the input; several where additional images are named beside those of the train split.
  private static func chosen(
    _ found: [Candidate], isNamed: Bool, _ request: LayoutRequest
  ) throws(DataError) -> [Candidate] {
    let (wanted, name) = (request.options.split, request.container.name)
    if isNamed, found.count == 1 { return found }
    let ofSplit = found.filter { $0.split == wanted }
    let extra = wanted == .train ? found.filter(\.isNamedExtra) : []
    var chosen = found.filter { $0.split == wanted || wanted == .train && $0.isNamedExtra }
    if chosen.isEmpty, found.count == 1, found[0].split == nil { chosen = found }
    guard !chosen.isEmpty else {
      if found.contains(where: { $0.split != nil }) { throw missingPart(wanted, in: name) }
      throw DataError(
        .badInput, at: [name], "no file called train_32x32.mat or test_32x32.mat", remedy: Remedy.lookInside)
    }
    for files in [ofSplit, extra] where files.count > 1 {
      throw DataError(
        .badInput, at: [name],
        "two files for the \(wanted.rawValue) split: \(files[0].place.last ?? "") and \(files[1].place.last ?? "")",
        remedy: "give one of them with -i")
    }
    return chosen
  }

  /// One file: its labels, and its images one by one.
  private final class Images {
    let labels: [Int]
    /// What the log shall say of it.
    let note: String?
    private let file: MATFile
    private var block: [UInt8] = []
    private var firstInBlock = 0

    init(_ file: MATFile, at place: [String]) throws(DataError) {
      self.file = file
      let (extents, isBytes) = try file.find("X")
      guard extents.count == 4 || extents.count == 3, extents[0] == side, extents[1] == side, extents[2] == 3, isBytes
      else {
        throw DataError(
          .badInput, at: place, "X has the extents \(extents); SVHN's cropped digits are 32×32×3×N bytes",
          remedy: "save other arrays as npz")
      }
      (labels, note) = try SVHN.labels(of: file, count: extents.count == 4 ? extents[3] : 1, at: place)
      // The images are read from now on.
      _ = try file.find("X")
    }

    /// An image; they are asked for in their order.
    func pixels(_ index: Int) throws(DataError) -> Pixels {
      if (index - firstInBlock) * imageBytes >= block.count {
        block = []
        let last = min(labels.count, index + blockBytes / imageBytes)
        block = try file.bytes((index * imageBytes)..<(last * imageBytes))
        firstInBlock = index
      }
      let start = (index - firstInBlock) * imageBytes
      return columnMajorPixels(block[start..<(start + imageBytes)], height: side, width: side, channels: 3)
    }

    /// Gives the memory back.
    func release() { block = [] }
  }

  /// The labels of so many images, and what is to be said of them.
  private static func labels(of file: MATFile, count: Int, at place: [String]) throws(DataError) -> ([Int], String?) {
    let extents = try file.find("y").extents
    guard extents.filter({ $0 != 1 }).count <= 1 else {
      throw DataError(.badInput, at: place, "y has the extents \(extents); one label for each image was expected")
    }
    // Before memory is taken: the file may announce any number of them.
    let announced = extents.reduce(1, *)
    try LabelledImages.check(count, announced, at: place)
    let numbers = try file.numbers(announced)
    if let strange = numbers.first(where: { !(0...10).contains($0) || $0 != $0.rounded() }) {
      throw DataError(
        .badInput, at: place, "the label \(strange); SVHN's are 1 to 10, where 10 is the digit 0",
        remedy: "correct the label")
    }
    let hasZero = numbers.contains(0)
    guard !hasZero || !numbers.contains(10) else {
      throw DataError(
        .badInput, at: place, "the labels 0 and 10, which both are the digit 0", remedy: "correct the labels")
    }
    return (numbers.map { $0 == 10 ? 0 : Int($0) }, hasZero ? nil : "the label 10 is the digit 0, and has the index 0")
  }
}
