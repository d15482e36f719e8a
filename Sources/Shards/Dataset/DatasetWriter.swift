public import Datasets
internal import Glibc

/// Where a dataset goes and how it is cut into shards.
public struct ShardOptions: Sendable {
  /// A folder that does not exist yet, or is empty.
  public var directory: String
  /// `NAME` in `NAME-train-000000.tar`.
  public var namePrefix: String
  /// Compress the shards with this zstd level (1…22), or not at all.
  public var zstdLevel: Int?
  /// Largest size of a tar archive; only a single sample that is larger makes a larger one.
  public var maxBytes: Int
  /// Largest number of samples in a shard.
  public var maxSamples: Int
  /// Exactly so many shards, in place of the two sizes; nil where the sizes decide.
  public var division: Division?
  /// The fields to write, nil for all that there are.
  public var fields: Set<String>?
  /// Bounds on images that are decoded on the way.
  public var limits: Limits
  /// Whether the manifest says which labels each shard holds, and what was measured of all samples: see `MeasuredSet`.
  public var isMeasured = false

  /// A number of samples in a number of shards, as many in each, or one more in the first ones.
  public struct Division: Sendable, Equatable {
    /// Shards, not more than samples.
    public var shards: Int
    /// Samples.
    public var samples: Int

    /// A division; see the properties.
    public init(shards: Int, samples: Int) {
      precondition(shards >= 1 && shards <= samples, "\(samples) samples cannot fill \(shards) shards")
      (self.shards, self.samples) = (shards, samples)
    }

    /// Samples in the shard of that number.
    func samples(inShard number: Int) -> Int { samples / shards + (number < samples % shards ? 1 : 0) }
  }

  /// Makes options; 64 MiB or 50,000 samples a shard unless said.
  public init(
    directory: String, namePrefix: String, zstdLevel: Int? = nil, maxBytes: Int = 64 << 20, maxSamples: Int = 50_000,
    fields: Set<String>? = nil, limits: Limits = Limits()
  ) {
    self.directory = directory
    self.namePrefix = namePrefix
    self.zstdLevel = zstdLevel
    self.maxBytes = maxBytes
    self.maxSamples = maxSamples
    self.fields = fields
    self.limits = limits
  }
}

extension ShardOptions {
  /// Refuses a folder that cannot take a dataset, long before the first sample is there; creates nothing.
  ///
  /// - Throws: `DataError` (`.cannotCreate`).
  public func checkDirectory() throws(DataError) {
    guard isFolder(directory) else {
      guard access(directory, F_OK) != 0 else { throw DataError(.cannotCreate, at: [directory], "is not a folder") }
      return
    }
    try OutputDirectory.check(directory)
  }
}

/// Writes samples as a dataset of shards, which comes into being at `finish` and not before.
///
/// Until then every file has a temporary, hidden name. A writer that is dropped, or that fails, removes what it wrote;
/// what a killed one leaves is removed by the next one that is given the same folder.
public final class DatasetWriter {
  private let options: ShardOptions
  private let split: DatasetInfo.Split
  private let fields: SampleFields
  private let directory: OutputDirectory
  private var shard: ShardWriter?
  private var finishedShards: [Manifest.Shard] = []
  private var unsynced: [WrittenFile] = []
  private var fieldNames: [String]?
  /// The kinds of image files among the samples, where these are image files.
  private var imageFields: Set<String> = []
  private var counts: [Int]
  private var keys: Set<Int> = []
  private var range: ClosedRange<Float>?
  private var meter: SetMeter?
  private var failed = false

  /// Creates the folder.
  ///
  /// - Throws: `DataError`: `.cannotCreate` when the folder exists and holds anything, or cannot be created; `.badInput` when
  ///   the options contradict the format.
  public init(_ options: ShardOptions, info: DatasetInfo) throws(DataError) {
    precondition(options.maxBytes > 0 && options.maxSamples > 0, "a shard must have room for something")
    precondition(options.zstdLevel.map { (1...22).contains($0) } ?? true, "zstd levels are 1…22")
    guard MemberName.isKey(options.namePrefix) else {
      throw DataError(.badInput, at: [options.namePrefix], "is not a name for shards: letters, digits, '_' and '-'")
    }
    self.options = options
    split = info.split
    counts = Array(repeating: 0, count: info.classNames.count)
    fields = try SampleFields(of: info, for: options)
    if options.isMeasured { meter = SetMeter(info, limits: options.limits) }
    directory = try OutputDirectory(options.directory)
  }

  /// Adds one sample.
  ///
  /// - Throws: `DataError`: `.badInput` when the sample breaks the format's rules (its key, a key that occurs twice, fields
  ///   that differ from the first sample's), `.io` when writing fails. After a failure nothing is published.
  public func write(_ sample: Sample) throws(DataError) {
    precondition(!failed, "a dataset was written to after it failed")
    let chunk = PackedChunk([PendingSample(sample)], as: fields)
    if let (_, error) = chunk.failure {
      failed = true
      throw error
    }
    try write(chunk)
  }

  /// Adds the samples of a chunk; its failure is the caller's business.
  func write(_ chunk: PackedChunk) throws(DataError) {
    precondition(!failed, "a dataset was written to after it failed")
    failed = true
    // Where the next sample begins, and the first one that is not written yet.
    var start = 0
    var unwritten = 0
    for entry in chunk.entries {
      try check(entry)
      if let range = entry.range, !range.lowerBound.isFinite || !range.upperBound.isFinite {
        throw DataError(.badInput, at: [entry.key], "holds values that are not finite", remedy: "make it again")
      }
      if let open = shard,
        !hasRoom(open, for: entry.end - start)
      {
        try append(chunk, unwritten..<start, to: open)
        unwritten = start
        try finishShard(open)
      }
      let open: ShardWriter
      if let shard { open = shard } else { open = try nextShard() }
      shard = open
      open.add(entry.key, label: entry.label, size: entry.end - start)
      start = entry.end
      count(entry)
    }
    if let shard { try append(chunk, unwritten..<start, to: shard) }
    try meter?.add(chunk)
    failed = false
  }

  private func hasRoom(_ open: ShardWriter, for size: Int) -> Bool {
    guard let division = options.division else {
      return open.hasRoom(for: size, maxBytes: options.maxBytes, maxSamples: options.maxSamples)
    }
    return open.hasRoom(for: size, maxBytes: .max, maxSamples: division.samples(inShard: finishedShards.count))
  }

  private func append(_ chunk: PackedChunk, _ range: Range<Int>, to shard: ShardWriter) throws(DataError) {
    try chunk.bytes.withUnsafeBufferPointer { (bytes) throws(DataError) in
      try shard.append(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[range])))
    }
  }

  private func count(_ entry: PackedChunk.Entry) {
    counts[entry.label] += 1
    guard let found = entry.range, entry.holdsFloats else { return }
    range = range.map { min($0.lowerBound, found.lowerBound)...max($0.upperBound, found.upperBound) } ?? found
  }

  /// Publishes the dataset: the shards get their names, then `SHA256SUMS`, and last the manifest.
  ///
  /// `info` is the final description, with what was only learned on the way.
  ///
  /// - Throws: `DataError`: `.badInput` when there were no samples, `.io` when writing fails; then nothing is published.
  @discardableResult
  public func finish(info: DatasetInfo) throws(DataError) -> Manifest {
    precondition(!failed, "a dataset was finished after it failed")
    precondition(info.classNames.count == counts.count && info.split == split, "the description changed its classes")
    failed = true
    guard let last = shard, var fieldNames else {
      throw DataError(.badInput, at: [options.directory], "would hold no samples: the input has none")
    }
    try finishShard(last)
    if let division = options.division, counts.reduce(0, +) != division.samples {
      throw DataError(
        .badInput, at: [options.directory],
        "was to hold \(counted(division.samples, "sample")), and \(grouped(counts.reduce(0, +))) came",
        remedy: "see what pipe verify says of the input")
    }
    for file in unsynced { try file.sync() }
    unsynced = []
    if imageFields.count > 1 { fieldNames[0] = Manifest.eitherImage }
    let manifest = Manifest(
      info: info, fields: fieldNames, counts: counts, observedRange: range.map { [$0.lowerBound, $0.upperBound] },
      measured: meter?.measured, shards: finishedShards)
    let bytes = manifest.encoded()
    try directory.add(Manifest.sumsName, manifest.sums(manifestBytes: bytes))
    try directory.add(Manifest.fileName, bytes)
    try directory.publish()
    failed = false
    return manifest
  }

  private func finishShard(_ open: ShardWriter) throws(DataError) {
    var (finished, file) = try open.finish()
    if options.isMeasured { finished.labels = open.labels }
    finishedShards.append(finished)
    unsynced.append(file)
    shard = nil
    // The disk works while the next shards are made, but no more than a few are kept open.
    if unsynced.count > 4 { try unsynced.removeFirst().sync() }
  }

  private func nextShard() throws(DataError) -> ShardWriter {
    let name = "\(options.namePrefix)-\(split.rawValue)-\(zeroPadded(finishedShards.count, digits: 6)).tar"
    return try ShardWriter(in: directory, name: name, zstdLevel: options.zstdLevel)
  }

  private func check(_ entry: PackedChunk.Entry) throws(DataError) {
    precondition(
      counts.indices.contains(entry.label), "sample \(entry.key) has label \(entry.label) of \(counts.count) classes")
    if let image = entry.fields.first, SampleFields.imageNames.contains(image) { imageFields.insert(image) }
    if let fieldNames, fieldNames != entry.fields, !areAlikeButForTheImage(fieldNames, entry.fields) {
      throw DataError(
        .badInput, at: [entry.key],
        "has the fields \(entry.fields.joined(separator: ", ")), where every sample before had \(fieldNames.joined(separator: ", "))",
        remedy: "select fields that every sample has, as with --fields png,cls")
    }
    fieldNames = entry.fields
    // The hash value of a key stands for it: 64 bits, seeded anew in each process, never written anywhere.
    guard keys.insert(entry.key.hashValue).inserted else {
      throw DataError(.badInput, at: [entry.key], "is the key of two samples")
    }
  }
}

/// Whether two samples have the same fields but for the format of their images, which travel as they came.
private func areAlikeButForTheImage(_ one: [String], _ other: [String]) -> Bool {
  guard let first = one.first, let second = other.first else { return false }
  return SampleFields.imageNames.isSuperset(of: [first, second]) && one.dropFirst() == other.dropFirst()
}
