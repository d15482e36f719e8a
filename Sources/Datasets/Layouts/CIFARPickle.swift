extension Layout {
  /// CIFAR-10's and CIFAR-100's python version: pickled dictionaries in `data_batch_*` or `train`, `test`.
  public static let cifarPickle = Layout("cifar-pickle") { member, firstBytes in
    let name = member.basename
    // The first byte of a pickle of protocol 2 or above.
    return CIFARPickle.isBatch(name) || name == "batches.meta"
      || CIFARPickle.mayBeCIFAR100(name) && firstBytes(1) == [0x80]
  } open: { request throws(DataError) in
    try CIFARPickle.open(request)
  }
}

/// CIFAR-10's and CIFAR-100's python version: pickled dictionaries with `data` (N×3072 bytes, three planes) and `labels` or
/// `fine_labels`; class names in `batches.meta` or `meta`.
enum CIFARPickle {
  static func isBatch(_ name: String) -> Bool { split(name) != nil && name != "train" && name != "test" }
  /// CIFAR-100's names say little, so the content has to agree.
  static func mayBeCIFAR100(_ name: String) -> Bool { ["train", "test", "meta"].contains(name) }

  private static func split(_ name: String) -> DatasetInfo.Split? {
    if name == "test_batch" || name == "test" { return .test }
    if name == "train" { return .train }
    let digits = name.dropFirst("data_batch_".count)
    return name.hasPrefix("data_batch_") && !digits.isEmpty && digits.allSatisfy(\.isWholeNumber) ? .train : nil
  }

  private static func isMeta(_ name: String) -> Bool { name == "batches.meta" || name == "meta" }

  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    let found = try classNames(request)
    let standard = found.isHundred ? CIFARNames.cifar100 : CIFARNames.cifar10
    let names = found.names ?? standard
    let own = names == standard ? (found.isHundred ? "cifar100" : "cifar10") : nil
    let info = DatasetInfo(
      name: request.datasetName(own), split: request.options.split, classNames: names,
      shape: [3, CIFARBinary.side, CIFARBinary.side])
    let isBare = request.container.bareFiles != nil
    let batches = Batches(
      reader: try request.container.open(last: true), wanted: request.options.split, classCount: names.count)
    return OpenedLayout(
      info: info, channels: 3, split: info.split,
      closingNotes: {
        isBare
          ? [] : missingBatches(among: batches.names, hundred: found.isHundred, suffix: "", isPublished: own != nil)
      }, place: batches.place, next: batches.next)
  }

  // The whole input is walked until the names turn up; batches are skipped unread.
  private static func classNames(_ request: LayoutRequest) throws(DataError) -> (names: [String]?, isHundred: Bool) {
    if request.container.bareFiles != nil { return (nil, false) }
    var isHundred = false
    do throws(DataError) {
      let prefix = try request.container.openPrefix()
      while let member = try prefix.next() {
        if isMeta(member.basename) { return try parseNames(prefix) }
      }
    } catch {
      // Only the prefix ends here; what is really damaged shows in the next pass.
    }
    let reader = try request.container.open(last: false)
    while let member = try reader.next() {
      if isMeta(member.basename) { return try parseNames(reader) }
      if member.basename == "train" || member.basename == "test" { isHundred = true }
    }
    return (nil, isHundred)
  }

  private static func parseNames(_ reader: MemberReader) throws(DataError) -> (names: [String]?, isHundred: Bool) {
    let fields = try Pickle.dictionary(try reader.readAll(), place: reader.place)
    if let names = fields["fine_label_names"]?.strings { return (names, true) }
    guard let names = fields["label_names"]?.strings, !names.isEmpty else {
      throw DataError(.badInput, at: reader.place, "no list of class names in it")
    }
    return (names, false)
  }

  /// Walks the batches of one split.
  private final class Batches {
    private let reader: MemberReader
    private let wanted: DatasetInfo.Split
    private let classCount: Int
    private var pixels: ArraySlice<UInt8> = []
    private var labels: [Int] = []
    private var row = 0
    private var index = 0
    /// The files of both splits that came by.
    private(set) var names: Set<String> = []
    private var hasWantedPart = false

    init(reader: MemberReader, wanted: DatasetInfo.Split, classCount: Int) {
      self.reader = reader
      self.wanted = wanted
      self.classCount = classCount
    }

    func place() -> [String] { reader.place + ["row \(grouped(row))"] }

    func next() throws(DataError) -> Sample? {
      while row == labels.count {
        guard try readBatch() else { return nil }
      }
      let label = labels[row]
      let start = pixels.startIndex + row * CIFARBinary.pixelBytes
      row += 1
      guard (0..<classCount).contains(label) else {
        throw DataError(
          .badInput, at: place(), "label \(label), but there are only the labels 0 to \(classCount - 1)",
          remedy: Remedy.nameAll)
      }
      let bytes = [UInt8](unsafeUninitializedCapacity: CIFARBinary.pixelBytes) { out, count in
        pixels[start..<(start + CIFARBinary.pixelBytes)].withUnsafeBufferPointer { planes in
          if let from = planes.baseAddress, let to = out.baseAddress {
            interleavePlanes(from, into: to, count: CIFARBinary.side * CIFARBinary.side)
          }
        }
        count = CIFARBinary.pixelBytes
      }
      defer { index += 1 }
      let image = Pixels(height: CIFARBinary.side, width: CIFARBinary.side, channels: 3, bytes: bytes)
      return Sample(key: numberKey(index), content: .pixels(image), label: label)
    }

    private func readBatch() throws(DataError) -> Bool {
      // The old batch goes before the new one comes.
      pixels = []
      labels = []
      row = 0
      while let member = try reader.next() {
        guard let split = split(member.basename) else { continue }
        try refuseBoth(names.min(), member.basename, isHundred: CIFARPickle.mayBeCIFAR100, in: reader.name)
        guard names.insert(member.basename).inserted else {
          throw DataError(.badInput, at: reader.place, "the file occurs twice", remedy: "pack the archive again")
        }
        guard split == wanted else { continue }
        hasWantedPart = true
        let fields = try Pickle.dictionary(try reader.readAll(), place: reader.place)
        guard case .array(let array)? = fields["data"], ["u1", "uint8"].contains(array.elementType.name),
          array.shape.count == 2, array.shape[1] == CIFARBinary.pixelBytes,
          array.bytes.count.isMultiple(of: CIFARBinary.pixelBytes),
          array.bytes.count / CIFARBinary.pixelBytes == array.shape[0]
        else {
          throw DataError(.badInput, at: reader.place, "no “data” of N×3,072 bytes in it")
        }
        guard let found = fields["fine_labels"] ?? fields["labels"] else {
          throw DataError(
            .badInput, at: reader.place, "images without labels: no “labels” or “fine_labels” in it",
            remedy: Remedy.pairUp)
        }
        guard let labels = found.integers else {
          throw DataError(
            .badInput, at: reader.place, "labels that are not a list of whole numbers",
            remedy: "write them as a list of int, or as a little-endian NumPy array of integers with one axis")
        }
        guard labels.count == array.shape[0] else {
          throw DataError(
            .badInput, at: reader.place, "\(counted(array.shape[0], "image")) but \(counted(labels.count, "label"))")
        }
        self.labels = labels
        pixels = array.bytes
        return true
      }
      if !hasWantedPart, !names.isEmpty { throw missingPart(wanted, in: reader.name) }
      return false
    }
  }
}
