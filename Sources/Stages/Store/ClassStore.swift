public import Datasets
public import Methods
import Shards
public import Tensors

/// The real data, decoded and sorted by class, for methods that need random access to it.
///
/// Pixels are kept as 8-bit C×H×W, those of spectrograms as float32; up to a limit in RAM, the rest in an unnamed memory-mapped file.
public final class ClassStore: RealImages, @unchecked Sendable {
  // Unchecked: the arena is written by `ClassStoreBuilder` alone, before this object exists, so that any thread may
  // read it.

  /// Channels, rows, columns.
  public let shape: ImageShape
  /// Names in index order.
  public let classNames: [String]
  /// How the samples were made from sound; nil for images.
  public let spectrogram: Spectrogram?
  /// See `RealImages`.
  public let keepsClassesMirrored: Bool
  /// SHA-256 over shape, class names, labels and pixels in archive order: equal for equal data however it was packed.
  public let digest: String

  private let arena: RecordArena
  private let recordsOfClass: [[Int]]
  private let keys: [String]
  /// By record; empty where no sample has a file of its own.
  private let origins: [String]

  fileprivate init(
    _ builder: ClassStoreBuilder, shape: ImageShape, arena: RecordArena, digest: String
  ) {
    self.shape = shape
    self.arena = arena
    self.digest = digest
    classNames = builder.info.classNames
    spectrogram = builder.info.spectrogram
    keepsClassesMirrored = builder.info.keepsClassesMirrored(channels: shape.channels)
    recordsOfClass = builder.recordsOfClass
    keys = builder.keys
    origins = builder.origins
  }

  private init(_ whole: ClassStore, keepsClassesMirrored: Bool) {
    (shape, classNames, spectrogram) = (whole.shape, whole.classNames, whole.spectrogram)
    self.keepsClassesMirrored = keepsClassesMirrored
    (arena, keys, origins) = (whole.arena, whole.keys, whole.origins)
    (recordsOfClass, digest) = (whole.recordsOfClass, whole.digest)
  }

  /// A part of another store, which shares its memory.
  private init(_ whole: ClassStore, recordsOfClass: [[Int]], part: String) {
    (shape, classNames, spectrogram) = (whole.shape, whole.classNames, whole.spectrogram)
    keepsClassesMirrored = whole.keepsClassesMirrored
    (arena, keys, origins) = (whole.arena, whole.keys, whole.origins)
    self.recordsOfClass = recordsOfClass
    digest = sha256(Array("\(whole.digest) \(part)".utf8))
  }

  /// The same samples, where it is known otherwise whether images keep their class when left and right are exchanged.
  func with(keepsClassesMirrored: Bool) -> ClassStore { ClassStore(self, keepsClassesMirrored: keepsClassesMirrored) }

  /// The samples in two parts: of each class, the second holds a share at random, at least one sample, but none of a class with one sample.
  ///
  /// - Parameter wanted: classes that are held back from; of the others all is kept.
  /// - Throws: `DataError` where none has enough.
  public func divided(
    holdingBack share: Double, seed: UInt64, ofClasses wanted: (Int) -> Bool = { _ in true }
  ) throws(DataError) -> (kept: ClassStore, heldBack: ClassStore) {
    var (kept, heldBack) = ([[Int]](), [[Int]]())
    for (label, records) in recordsOfClass.enumerated() {
      guard records.count > 1, wanted(label) else {
        kept.append(records)
        heldBack.append([])
        continue
      }
      let count = min(records.count - 1, max(1, Int((share * Double(records.count)).rounded())))
      var random = RandomSource(seed: seed).split("held back", label)
      let chosen = Set(random.choice(count, of: records.count))
      kept.append(records.indices.filter { !chosen.contains($0) }.map { records[$0] })
      heldBack.append(records.indices.filter(chosen.contains).map { records[$0] })
    }
    guard heldBack.contains(where: { !$0.isEmpty }) else {
      throw DataError(
        .badInput, at: [], "no class has two samples, so that nothing can be held back", remedy: "leave --validate out")
    }
    let part = "\(share) by \(seed) of \(heldBack.indices.filter { !heldBack[$0].isEmpty })"
    return (
      ClassStore(self, recordsOfClass: kept, part: "without \(part)"),
      ClassStore(self, recordsOfClass: heldBack, part: "held back \(part)")
    )
  }

  /// Number of classes.
  public var classCount: Int { recordsOfClass.count }
  /// Number of samples of all classes.
  public var count: Int { recordsOfClass.reduce(0) { $0 + $1.count } }
  /// Bytes that live in the spill file.
  public var spilledBytes: Int { arena.spilledBytes }
  /// Bytes that live in RAM.
  public var residentBytes: Int { arena.count * arena.recordBytes - arena.spilledBytes }

  /// Number of samples of the class that has most.
  public var largestClass: Int { recordsOfClass.map(\.count).max() ?? 0 }

  /// Number of samples of one class.
  public func count(ofClass label: Int) -> Int { recordsOfClass[label].count }

  /// Whether the samples are spectrograms.
  public var isSpectrogram: Bool { spectrogram != nil }

  /// Some images of one class as uint8 n×C×H×W, spectrograms as float32, `indices` counting within the class in archive order.
  public func images(ofClass label: Int, at indices: [Int]) -> Tensor {
    if isSpectrogram {
      let values = indices.flatMap { floats(of: recordsOfClass[label][$0]) }
      return Tensor(values, shape: [indices.count, shape.channels, shape.height, shape.width])
    }
    let size = arena.recordBytes
    let bytes = [UInt8](unsafeUninitializedCapacity: indices.count * size) { buffer, count in
      for (position, index) in indices.enumerated() {
        let target = UnsafeMutableRawBufferPointer(buffer)[position * size..<(position + 1) * size]
        UnsafeMutableRawBufferPointer(rebasing: target).copyMemory(
          from: UnsafeRawBufferPointer(arena.record(recordsOfClass[label][index])))
      }
      count = indices.count * size
    }
    return Tensor(bytes: bytes, shape: [indices.count, shape.channels, shape.height, shape.width])
  }

  /// The values of a record of a spectrogram.
  private func floats(of record: Int) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(arena.record(record).bindMemory(to: Float.self))
  }

  /// One image as it is passed on: interleaved pixels, or the values of a spectrogram.
  public func content(ofClass label: Int, at index: Int) -> Content {
    guard isSpectrogram else { return .pixels(pixels(ofClass: label, at: index)) }
    let values = Array(floats(of: recordsOfClass[label][index]))
    return .floats(FloatArray(shape: [shape.channels, shape.height, shape.width], values: values))
  }

  /// One image of 8 bits as it is passed on: interleaved pixels.
  ///
  /// - Precondition: The samples are not spectrograms.
  public func pixels(ofClass label: Int, at index: Int) -> Pixels {
    precondition(!isSpectrogram, "a spectrogram has no 8-bit pixels")
    let record = arena.record(recordsOfClass[label][index])
    let (channels, area) = (shape.channels, shape.height * shape.width)
    let bytes = [UInt8](unsafeUninitializedCapacity: arena.recordBytes) { buffer, count in
      for channel in 0..<channels {
        for position in 0..<area { buffer[position * channels + channel] = record[channel * area + position] }
      }
      count = arena.recordBytes
    }
    return Pixels(height: shape.height, width: shape.width, channels: channels, bytes: bytes)
  }

  /// Class and index within it of every sample, in the order of the archive.
  public var archiveOrder: [SourceImage] {
    var order = [SourceImage?](repeating: nil, count: arena.count)
    for (label, records) in recordsOfClass.enumerated() {
      for (index, record) in records.enumerated() { order[record] = SourceImage(label: label, index: index) }
    }
    return order.compactMap(\.self)
  }

  /// The key under which a sample stood in its archive.
  public func key(ofClass label: Int, at index: Int) -> String { keys[recordsOfClass[label][index]] }

  /// What names a sample to whoever has its archive: the path of its file where it has one, else its key.
  public func source(ofClass label: Int, at index: Int) -> String {
    let record = recordsOfClass[label][index]
    return origins.isEmpty ? keys[record] : origins[record]
  }
}

/// Fills a `ClassStore`, sample by sample.
public struct ClassStoreBuilder {
  /// The description of the samples that come.
  public let info: DatasetInfo
  fileprivate var recordsOfClass: [[Int]]
  fileprivate var keys: [String] = []
  fileprivate var origins: [String] = []
  private let limits: Limits
  private let memoryLimit: Int
  private let spillDirectory: String
  private var shape: ImageShape?
  private var arena: RecordArena?
  private var hash: SetDigest

  /// Begins a store; `memoryLimit` in bytes, `spillDirectory` for what goes beyond it.
  public init(info: DatasetInfo, limits: Limits = Limits(), memoryLimit: Int, spillDirectory: String) {
    self.info = info
    self.limits = limits
    self.memoryLimit = memoryLimit
    self.spillDirectory = spillDirectory
    recordsOfClass = Array(repeating: [], count: info.classNames.count)
    hash = SetDigest(classNames: info.classNames)
  }

  /// Decodes a sample and keeps it.
  ///
  /// Throws where the sample is not an 8-bit image, or of spectrograms not one of these; and where it is not of the size of those before it.
  public mutating func add(_ sample: Sample) throws(DataError) {
    if info.spectrogram != nil {
      let array = try checkedSpectrogram(sample)
      let found = ImageShape(channels: array.shape[0], height: array.shape[1], width: array.shape[2])
      try keep(sample, of: found) { record in
        array.values.withUnsafeBytes { record.copyMemory(from: $0) }
      }
      return
    }
    if case .floats = sample.content {
      throw DataError(
        .badInput, at: ["sample \(sample.key)"], "expected an 8-bit image, found float values",
        remedy: info.kind == .latents
          ? "latents are for pipe condense -m MODEL" : "give the original images, not a condensed set")
    }
    let pixels = try sample.pixels(limits: limits)
    let found = ImageShape(channels: pixels.channels, height: pixels.height, width: pixels.width)
    try keep(sample, of: found) { record in
      let area = found.height * found.width
      pixels.bytes.withUnsafeBufferPointer { bytes in
        for channel in 0..<found.channels {
          let plane = UnsafeMutableBufferPointer(
            rebasing: record.bindMemory(to: UInt8.self)[channel * area..<(channel + 1) * area])
          for position in 0..<area { plane[position] = bytes[position * found.channels + channel] }
        }
      }
    }
  }

  private func checkedSpectrogram(_ sample: Sample) throws(DataError) -> FloatArray {
    guard case .floats(let array) = sample.content, array.shape.count == 3 else {
      throw DataError(
        .badInput, at: ["sample \(sample.key)"],
        "expected a spectrogram of three axes (C×H×W), found another kind of sample",
        remedy: "take it out, or make the data again")
    }
    guard array.values.allSatisfy(\.isFinite) else {
      throw DataError(
        .badInput, at: ["sample \(sample.key)"], "contains NaN or infinity",
        remedy: "take it out, or make the data again")
    }
    return array
  }

  /// Makes a record, which `write` fills.
  private mutating func keep(
    _ sample: Sample, of found: ImageShape, write: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(DataError) {
    let arena = try arena(for: found, sample: sample)
    guard recordsOfClass.indices.contains(sample.label) else {
      throw DataError(
        .badInput, at: ["sample \(sample.key)"],
        "label \(sample.label) is outside of the \(recordsOfClass.count) classes",
        remedy: "correct the label, or name all classes")
    }
    let record = try arena.append()
    write(record)
    recordsOfClass[sample.label].append(keys.count)
    if let origin = sample.origin {
      // Several inputs may be of several kinds.
      if origins.isEmpty { origins = keys }
      origins.append(origin)
    } else if !origins.isEmpty {
      origins.append(sample.key)
    }
    keys.append(sample.key)
    hash.add(UnsafeRawBufferPointer(record), label: sample.label)
  }

  /// The finished store; throws where a class has no sample that may not lack them, or where there was none at all.
  public consuming func finish(mayLack isEmpty: (_ className: String) -> Bool = { _ in false }) throws(DataError)
    -> ClassStore
  {
    guard let shape, let arena else {
      throw DataError(
        .badInput, at: [info.name], "the input holds no samples",
        remedy: "look whether this is the right input, and whether --classes or --split leave anything of it")
    }
    if let empty = recordsOfClass.indices.first(where: { recordsOfClass[$0].isEmpty && !isEmpty(info.classNames[$0]) })
    {
      throw emptyClass(empty, info.classNames[empty], of: info.name)
    }
    let digest = hash.finish()
    return ClassStore(self, shape: shape, arena: arena, digest: digest)
  }

  private mutating func arena(
    for found: ImageShape, sample: Sample
  ) throws(DataError) -> RecordArena {
    guard let shape, let arena else {
      let arena = RecordArena(
        recordBytes: found.count * (info.spectrogram == nil ? 1 : MemoryLayout<Float>.size), memoryLimit: memoryLimit,
        spillDirectory: spillDirectory)
      self.arena = arena
      shape = found
      hash.begin(found, isSpectrogram: info.spectrogram != nil)
      return arena
    }
    guard found == shape else {
      throw DataError(
        .badInput, at: ["sample \(sample.key)"],
        "expected \(shape.height)×\(shape.width)×\(shape.channels) like the samples before, found "
          + "\(found.height)×\(found.width)×\(found.channels)",
        remedy: "give one size with --resize")
    }
    return arena
  }
}

/// The error for a class of which something is asked, and nothing is there.
func emptyClass(_ label: Int, _ name: String, of dataset: String) -> DataError {
  DataError(
    .badInput, at: [dataset], "class \(label) (\(name)) has no samples",
    remedy: "leave it out with --classes, or ask for none of it with --ipc '\(name)=0,*=N'")
}
