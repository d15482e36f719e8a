extension Layout {
  /// STL-10's binary version: `train_X.bin` and `train_y.bin`, `test_X.bin` and `test_y.bin`.
  public static let stl10Binary = Layout("stl10-binary") { member, _ in
    STL10.part(of: member.basename) != nil
  } open: { request throws(DataError) in
    try STL10.open(request)
  }
}

/// STL-10's binary version.
///
/// Images are three planes of 96×96 bytes, red, green, blue, each column by column; labels are bytes from 1. Class names stand
/// in `class_names.txt`, in order; without one they are the published names. What is in `unlabeled_X.bin` has no class.
enum STL10 {
  private static let side = 96
  private static let imageBytes = 3 * side * side
  private static let publishedNames = [
    "airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck",
  ]

  /// `train_X.bin` as (train, true); nil for other names, and a nil split for what has no labels.
  static func part(of basename: String) -> (split: DatasetInfo.Split?, isImages: Bool)? {
    switch basename {
    case "train_X.bin": (.train, true)
    case "train_y.bin": (.train, false)
    case "test_X.bin": (.test, true)
    case "test_y.bin": (.test, false)
    case "unlabeled_X.bin": (nil, true)
    default: nil
    }
  }

  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    let container = request.container
    var names = publishedNames
    var labels: [DatasetInfo.Split: (place: [String], bytes: [UInt8])] = [:]
    var images: [DatasetInfo.Split: [String]] = [:]
    var hasUnlabelled = false
    let first = try container.open(last: false)
    while let member = try first.next() {
      if member.basename == "class_names.txt" { names = try classNames(first) }
      guard let part = part(of: member.basename) else { continue }
      guard let split = part.split else {
        hasUnlabelled = true
        continue
      }
      guard part.isImages ? images[split] == nil : labels[split] == nil else {
        throw DataError(.badInput, at: first.place, "the file occurs twice", remedy: "pack the archive again")
      }
      if part.isImages { images[split] = first.place } else { labels[split] = (first.place, try first.readAll()) }
    }
    // Files of one split that were named one by one are read whatever split they are.
    let isNamed = container.bareFiles != nil && images.count == 1
    let split = isNamed ? images.keys.first ?? request.options.split : request.options.split
    guard let place = images[split] else {
      if hasUnlabelled, images.isEmpty {
        throw DataError(
          .badInput, at: [container.name], "images without labels: there is only the unlabelled part",
          remedy: "give the files of the train or test split, too")
      }
      if !images.isEmpty { throw missingPart(split, in: container.name) }
      throw DataError(
        .badInput, at: labels[split]?.place ?? [container.name], "labels without images beside them",
        remedy: Remedy.pairUp)
    }
    guard let labels = labels[split] else {
      throw DataError(
        .badInput, at: place, "images without labels: there is no \(split.rawValue)_y.bin beside it",
        remedy: Remedy.pairUp)
    }
    for (index, label) in labels.bytes.enumerated() where label < 1 || Int(label) > names.count {
      throw DataError(
        .badInput, at: labels.place + ["label \(grouped(index + 1))"],
        "label \(label); STL-10 numbers its classes from 1, here to \(names.count)", remedy: Remedy.nameAll)
    }
    let reader = try container.open(last: true)
    while try reader.next() != nil, reader.place != place {}
    let count = labels.bytes.count
    if let size = reader.current?.size {
      guard size % imageBytes == 0 else { throw wrongSize(size, place) }
      try LabelledImages.check(size / imageBytes, count, at: place)
    }
    return try LabelledImages(
      shape: [3, side, side], labels: labels.bytes.map { Int($0) - 1 }, classNames: names, split: split,
      name: names == publishedNames ? "stl10" : nil,
      notes: hasUnlabelled ? ["the unlabelled part was skipped"] : [], place: place,
      image: { index throws(DataError) in
        var bytes = [UInt8](repeating: 0, count: imageBytes)
        let found = try fill(&bytes, from: reader)
        if found == 0 { try LabelledImages.check(index, count, at: place) }
        guard found == imageBytes else { throw wrongSize(index * imageBytes + found, place) }
        return .pixels(pixels(bytes))
      },
      finish: { () throws(DataError) in
        var rest = [UInt8](repeating: 0, count: 1)
        guard try fill(&rest, from: reader) == 0 else {
          throw DataError(.badInput, at: place, "there are more images than labels", remedy: Remedy.pairUp)
        }
        while try reader.next() != nil {}
      }
    ).opened(request)
  }

  private static func fill(_ bytes: inout [UInt8], from reader: MemberReader) throws(DataError) -> Int {
    var failure: DataError?
    let count = bytes.withUnsafeMutableBytes { buffer in
      do throws(DataError) {
        return try reader.readFully(into: buffer)
      } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    return count
  }

  private static func wrongSize(_ size: Int, _ place: [String]) -> DataError {
    DataError(
      .badInput, at: place,
      "\(grouped(size)) bytes are not a whole number of images of \(grouped(imageBytes)) bytes",
      remedy: Remedy.getItAgain)
  }

  private static func classNames(_ reader: MemberReader) throws(DataError) -> [String] {
    let text = String(decoding: try reader.readAll(), as: UTF8.self)
    let names = text.split(whereSeparator: \.isNewline).map { $0.filter { $0 != "\r" } }.filter { !$0.isEmpty }
    guard !names.isEmpty, names.count <= 255, Set(names).count == names.count else {
      throw DataError(
        .badInput, at: reader.place, "\(names.count) class names; 1 to 255 different ones were expected, one a line")
    }
    return names
  }

  /// Planes that run column by column, as pixels.
  private static func pixels(_ planes: [UInt8]) -> Pixels {
    columnMajorPixels(planes[...], height: side, width: side, channels: 3)
  }
}

/// An image whose planes follow one another, each column by column, as MATLAB has them.
func columnMajorPixels(_ planes: ArraySlice<UInt8>, height: Int, width: Int, channels: Int) -> Pixels {
  let bytes = [UInt8](unsafeUninitializedCapacity: height * width * channels) { out, count in
    planes.withUnsafeBufferPointer { planes in
      for channel in 0..<channels {
        for column in 0..<width {
          for row in 0..<height {
            out[(row &* width &+ column) &* channels &+ channel] =
              planes[(channel &* width &+ column) &* height &+ row]
          }
        }
      }
    }
    count = height * width * channels
  }
  return Pixels(height: height, width: width, channels: channels, bytes: bytes)
}
