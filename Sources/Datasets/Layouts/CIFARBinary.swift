extension Layout {
  /// CIFAR-10's binary version: records of a label byte and 3,072 pixel bytes in `data_batch_*.bin` and `test_batch.bin`.
  public static let cifar10Binary = Layout("cifar10-binary") { member, _ in
    CIFARBinary.isCIFAR10(member.basename)
  } open: { request throws(DataError) in
    try CIFARBinary.open(request, hundred: false)
  }

  /// CIFAR-100's binary version: records of two label bytes and 3,072 pixel bytes in `train.bin` and `test.bin`.
  public static let cifar100Binary = Layout("cifar100-binary") { member, _ in
    CIFARBinary.isCIFAR100(member.basename)
  } open: { request throws(DataError) in
    try CIFARBinary.open(request, hundred: true)
  }
}

/// CIFAR-10's and CIFAR-100's binary version.
///
/// Records of one label byte (CIFAR-100: coarse, then fine) and three planes of 32×32 bytes, red, green, blue. Class names
/// stand in a text member, in index order, one a line; without one they are the published names.
enum CIFARBinary {
  static let side = 32
  static let pixelBytes = 3 * side * side

  /// `data_batch_3.bin`, `test_batch.bin`.
  static func isCIFAR10(_ name: String) -> Bool { split10(name) != nil }
  /// `train.bin`, `test.bin`.
  static func isCIFAR100(_ name: String) -> Bool { split100(name) != nil }

  private static func split10(_ name: String) -> DatasetInfo.Split? {
    if name == "test_batch.bin" { return .test }
    guard name.hasPrefix("data_batch_"), name.hasSuffix(".bin") else { return nil }
    let digits = name.dropFirst("data_batch_".count).dropLast(".bin".count)
    return !digits.isEmpty && digits.allSatisfy(\.isWholeNumber) ? .train : nil
  }

  private static func split100(_ name: String) -> DatasetInfo.Split? {
    switch name {
    case "train.bin": .train
    case "test.bin": .test
    default: nil
    }
  }

  private static func splitFunction(_ hundred: Bool) -> (String) -> DatasetInfo.Split? {
    if hundred { return split100(_:) }
    return split10(_:)
  }

  static func open(_ request: LayoutRequest, hundred: Bool) throws(DataError) -> OpenedLayout {
    let standard = hundred ? CIFARNames.cifar100 : CIFARNames.cifar10
    let names = try classNames(request, hundred: hundred) ?? standard
    let own = names == standard ? (hundred ? "cifar100" : "cifar10") : nil
    let splitOf = splitFunction(hundred)
    let bareFiles = request.container.bareFiles
    let isBare = bareFiles != nil
    let bareSplits = (bareFiles ?? []).map { splitOf(Member(path: $0.name, size: nil).basename) }
    if let bareFiles, let other = bareSplits.firstIndex(where: { $0 != bareSplits[0] }) {
      throw DataError(
        .badInput, at: [bareFiles[other].name],
        "is not of the same part as \(bareFiles[0].name), by its name", remedy: "name the files of one part")
    }
    let split = isBare ? bareSplits.first ?? nil : request.options.split
    let info = DatasetInfo(
      name: request.datasetName(own), split: split ?? request.options.split, classNames: names, shape: [3, side, side])
    let records = Records(
      reader: try request.container.open(last: true), isBare: isBare,
      isAlone: !isBare && request.options.layout == nil, splitOf: splitOf, wanted: request.options.split,
      labelBytes: hundred ? 2 : 1, classCount: names.count)
    return OpenedLayout(
      info: info, channels: 3, split: split,
      closingNotes: {
        isBare ? [] : missingBatches(among: records.batches, hundred: hundred, suffix: ".bin", isPublished: own != nil)
      }, place: records.place, next: records.next)
  }

  // Where the names come before the data, as in the published archive, a prefix shows them; else the input is read twice.
  private static func classNames(_ request: LayoutRequest, hundred: Bool) throws(DataError) -> [String]? {
    if request.container.bareFiles != nil { return nil }
    let metaName = hundred ? "fine_label_names.txt" : "batches.meta.txt"
    let splitOf = splitFunction(hundred)
    do throws(DataError) {
      let prefix = try request.container.openPrefix()
      while let member = try prefix.next(), splitOf(member.basename) == nil {
        if member.basename == metaName { return try parseNames(prefix) }
      }
    } catch {
      // Only the prefix ends here; what is really damaged shows in the next pass.
    }
    let reader = try request.container.open(last: false)
    while let member = try reader.next() {
      if member.basename == metaName { return try parseNames(reader) }
    }
    return nil
  }

  private static func parseNames(_ reader: MemberReader) throws(DataError) -> [String] {
    let text = String(decoding: try reader.readAll(), as: UTF8.self)
    let names = text.split(whereSeparator: \.isNewline).map { $0.filter { $0 != "\r" } }.filter { !$0.isEmpty }
    guard !names.isEmpty, names.count <= 256 else {
      throw DataError(.badInput, at: reader.place, "\(names.count) class names; 1 to 256 were expected, one a line")
    }
    return names
  }

  /// Walks the members of one split and cuts them into samples.
  private final class Records {
    private let reader: MemberReader
    private let isBare: Bool
    /// Whether there must be no batches of the other dataset: no option chose between the two.
    private let isAlone: Bool
    private let splitOf: (String) -> DatasetInfo.Split?
    private let wanted: DatasetInfo.Split
    private let labelBytes: Int
    private let classCount: Int
    private var block: [UInt8]
    private var blockCount = 0
    private var position = 0
    private var inMember = false
    private var recordInMember = 0
    private var index = 0
    /// The files of both splits that came by.
    private(set) var batches: Set<String> = []
    private var hasWantedPart = false
    private static let recordsPerBlock = 128

    init(
      reader: MemberReader, isBare: Bool, isAlone: Bool, splitOf: @escaping (String) -> DatasetInfo.Split?,
      wanted: DatasetInfo.Split,
      labelBytes: Int, classCount: Int
    ) {
      self.reader = reader
      self.isBare = isBare
      self.isAlone = isAlone
      self.splitOf = splitOf
      self.wanted = wanted
      self.labelBytes = labelBytes
      self.classCount = classCount
      block = [UInt8](repeating: 0, count: Self.recordsPerBlock * (labelBytes + CIFARBinary.pixelBytes))
    }

    private var recordBytes: Int { labelBytes + CIFARBinary.pixelBytes }

    func place() -> [String] { reader.place + ["record \(grouped(recordInMember))"] }

    func next() throws(DataError) -> Sample? {
      while position == blockCount {
        if inMember, try fillBlock() { break }
        guard try enterNextMember() else { return nil }
      }
      let label = Int(block[position + labelBytes - 1])
      guard label < classCount else {
        throw DataError(
          .badInput, at: reader.place + ["record \(grouped(recordInMember + 1))"],
          "label \(label), but there are only the labels 0 to \(classCount - 1)", remedy: Remedy.nameAll)
      }
      let pixels = interleaved(at: position + labelBytes)
      position += recordBytes
      recordInMember += 1
      defer { index += 1 }
      return Sample(key: numberKey(index), content: .pixels(pixels), label: label)
    }

    private func enterNextMember() throws(DataError) -> Bool {
      while let member = try reader.next() {
        if isAlone, CIFARBinary.isCIFAR10(member.basename) || CIFARBinary.isCIFAR100(member.basename) {
          try refuseBoth(batches.min(), member.basename, isHundred: CIFARBinary.isCIFAR100, in: reader.name)
        }
        guard let split = isBare ? wanted : splitOf(member.basename) else { continue }
        guard batches.insert(isBare ? member.path : member.basename).inserted else {
          throw DataError(.badInput, at: reader.place, "the file occurs twice", remedy: "pack the archive again")
        }
        guard split == wanted else { continue }
        hasWantedPart = true
        if let size = member.size { try checkSize(size) }
        inMember = true
        recordInMember = 0
        return true
      }
      inMember = false
      if !hasWantedPart, !batches.isEmpty { throw missingPart(wanted, in: reader.name) }
      return false
    }

    private func fillBlock() throws(DataError) -> Bool {
      var failure: DataError?
      let count = block.withUnsafeMutableBytes { buffer in
        do throws(DataError) {
          return try reader.readFully(into: buffer)
        } catch {
          failure = error
          return 0
        }
      }
      if let failure { throw failure }
      if count % recordBytes != 0 { try checkSize(recordInMember * recordBytes + count) }
      blockCount = count
      position = 0
      if count == 0 { inMember = false }
      return count > 0
    }

    private func checkSize(_ size: Int) throws(DataError) {
      guard size == 0 || size % recordBytes != 0 else { return }
      throw DataError(
        .badInput, at: reader.place,
        size == 0
          ? "it is empty"
          : "\(grouped(size)) bytes are not a whole number of records of \(grouped(recordBytes)) bytes"
            + " (\(counted(size / recordBytes, "record")) and \(counted(size % recordBytes, "byte")))",
        remedy: Remedy.getItAgain)
    }

    // Three planes to interleaved pixels; the loop has no bounds checks and no branches, so that it vectorises.
    private func interleaved(at offset: Int) -> Pixels {
      let bytes = [UInt8](unsafeUninitializedCapacity: CIFARBinary.pixelBytes) { out, count in
        block.withUnsafeBufferPointer { planes in
          if let from = planes.baseAddress, let to = out.baseAddress {
            interleavePlanes(from + offset, into: to, count: CIFARBinary.side * CIFARBinary.side)
          }
        }
        count = CIFARBinary.pixelBytes
      }
      return Pixels(height: CIFARBinary.side, width: CIFARBinary.side, channels: 3, bytes: bytes)
    }
  }
}

/// Three planes of `count` bytes, one after the other, to `count` triples.
func interleavePlanes(_ planes: UnsafePointer<UInt8>, into pixels: UnsafeMutablePointer<UInt8>, count: Int) {
  let green = planes + count
  let blue = green + count
  for index in 0..<count {
    pixels[3 &* index] = planes[index]
    pixels[3 &* index &+ 1] = green[index]
    pixels[3 &* index &+ 2] = blue[index]
  }
}
