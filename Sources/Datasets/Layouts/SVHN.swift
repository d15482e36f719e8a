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
/// `extra_32x32.mat` are read where only they are given.
enum SVHN {
  private static let side = 32
  private static let imageBytes = 3 * side * side
  /// Bytes of images that are held at once.
  ///
  /// A compressed array is read from its start for each block.
  private static let blockBytes = 256 << 20

  /// What a file is called; nil for the additional images, which are of no split.
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
    var found: [(split: DatasetInfo.Split?, place: [String])] = []
    let first = try container.open(last: false)
    while let member = try first.next() {
      guard isNamed || member.path.lowercased().hasSuffix(".mat") else { continue }
      found.append((split(member.path), first.place))
    }
    let wanted = request.options.split
    guard
      let chosen = isNamed && found.count == 1
        ? found.first
        : found.first(where: { $0.split == wanted }) ?? (found.count == 1 ? found.first { $0.split == nil } : nil)
    else {
      if found.contains(where: { $0.split != nil }) { throw missingPart(wanted, in: container.name) }
      throw DataError(
        .badInput, at: [container.name], "no file called train_32x32.mat or test_32x32.mat", remedy: Remedy.lookInside)
    }
    if let twin = found.filter({ $0.split == chosen.split }).dropFirst().first {
      throw DataError(
        .badInput, at: [container.name],
        "two files for the \(wanted.rawValue) split: \(chosen.place.last ?? "") and \(twin.place.last ?? "")",
        remedy: "give one of them with -i")
    }
    let reader = try container.open(last: true)
    while try reader.next() != nil, reader.place != chosen.place {}
    let file = try MATFile(try reader.memberSource(), limits: request.options.limits)
    let (extents, isBytes) = try file.find("X")
    guard extents.count == 4 || extents.count == 3, extents[0] == side, extents[1] == side, extents[2] == 3, isBytes
    else {
      throw DataError(
        .badInput, at: chosen.place, "X has the extents \(extents); SVHN's cropped digits are 32×32×3×N bytes",
        remedy: "save other arrays as npz")
    }
    let count = extents.count == 4 ? extents[3] : 1
    let (labels, notes) = try labels(of: file, count: count, at: chosen.place)
    // The images are read from now on.
    _ = try file.find("X")
    let skipped = found.count { $0.split == nil && $0.place != chosen.place }
    var block: [UInt8] = []
    var firstInBlock = 0
    return try LabelledImages(
      shape: [3, side, side], labels: labels, classNames: (0..<10).map(String.init), mirror: false, split: chosen.split,
      name: "svhn", notes: notes + (skipped > 0 ? ["the additional images were skipped"] : []), place: chosen.place,
      image: { index throws(DataError) in
        if (index - firstInBlock) * imageBytes >= block.count {
          block = []
          let last = min(count, index + blockBytes / imageBytes)
          block = try file.bytes((index * imageBytes)..<(last * imageBytes))
          firstInBlock = index
        }
        let start = (index - firstInBlock) * imageBytes
        return .pixels(
          columnMajorPixels(block[start..<(start + imageBytes)], height: side, width: side, channels: 3))
      },
      finish: { () throws(DataError) in
        while try reader.next() != nil {}
      }
    ).opened(request)
  }

  /// The labels of so many images, and what is to be said of them.
  private static func labels(of file: MATFile, count: Int, at place: [String]) throws(DataError) -> ([Int], [String]) {
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
    return (numbers.map { $0 == 10 ? 0 : Int($0) }, hasZero ? [] : ["the label 10 is the digit 0, and has the index 0"])
  }
}
