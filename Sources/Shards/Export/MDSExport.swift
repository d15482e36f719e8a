internal import Datasets
internal import Glibc

/// A streaming dataset of MosaicML, version 2: `index.json` beside `shard.00000.mds`, ….
///
/// A shard is the number of samples, where each begins and the last one ends (32 bits each), the description of the columns in
/// JSON, and the samples. A sample is the sizes of its columns of no fixed size, and then all columns in the order of their names.
/// Reference: the package `mosaicml-streaming`, `streaming/base/format/mds`.
final class MDSExport: ExportWriter {
  private let folder: NewFolder
  private let layout: ExportLayout
  private let kind: DatasetInfo.Kind
  private let columns: Columns
  private let config: [UInt8]
  private let maxBytes: Int
  private let zstdLevel: Int?
  private var samples: SpilledColumn?
  /// Sizes of the samples of the shard.
  private var sizes: [Int] = []
  private var shards: [Shard] = []

  init(_ layout: ExportLayout, _ info: DatasetInfo, _ options: ExportOptions, in folder: NewFolder) throws(DataError) {
    precondition(options.maxBytes <= ExportOptions.largestMDS, "offsets of MDS have 32 bits")
    self.folder = folder
    self.layout = layout
    kind = info.kind
    maxBytes = options.maxBytes
    zstdLevel = options.zstdLevel
    columns = Columns(Self.fields(layout, info.kind))
    config = encodeJSON(
      Config(columns: columns, sizeLimit: maxBytes, isCompressed: zstdLevel != nil), keysAreData: true)
  }

  static func encoder(
    _ layout: ExportLayout, _ info: DatasetInfo, _ options: ExportOptions
  ) -> @Sendable (Sample) throws(DataError) -> ExportedSample {
    let name = SampleFieldNames(layout, info.kind)
    let columns = Columns(fields(layout, info.kind))
    return { (sample) throws(DataError) in
      try layout.check(sample)
      var values: [String: [UInt8]] = [name.key: Array(sample.key.utf8)]
      values[name.label, default: []].append(littleEndian: Int64(sample.label))
      switch (sample.content, layout.content) {
      case (.floats(let array), .floats):
        try layout.check(array.shape, of: sample.key)
        values[name.content, default: []].append(floats: array.values)
      case (.floats, _), (_, .floats): throw ExportLayout.otherKind(sample)
      default:
        let image = try sample.imageFile(
          asPNG: layout.content == .png, channels: info.shape?.first, limits: options.limits)
        guard image.ending == (layout.content == .png ? "png" : "jpg") else {
          throw DataError(
            .badInput, at: [sample.key],
            "is no JPEG file, where the samples before it are, and a column of MDS is of one kind",
            remedy: "make shards first, whose manifest tells that there are both: then all become PNG")
        }
        values[name.content] = image.bytes
      }
      if let soft = sample.softLabel { values[name.softLabel, default: []].append(floats: soft) }
      if let metadata = sample.metadata { values[name.metadata] = metadata }
      for extra in sample.extras { values[name.extra(extra.name)] = extra.bytes }
      return ExportedSample(key: sample.key, label: sample.label, bytes: try columns.packed(values, key: sample.key))
    }
  }

  var fields: [String: ExportDescription.Field] { Self.fields(layout, kind) }

  private static func fields(_ layout: ExportLayout, _ kind: DatasetInfo.Kind) -> [String: ExportDescription.Field] {
    SampleFieldNames(layout, kind).fields(
      layout,
      types: .init(
        integer: "int", text: "str", json: "json", bytes: "bytes", image: layout.content == .jpg ? "jpeg" : "png",
        floats: { "ndarray:float32:\($0.map(String.init).joined(separator: ","))" }))
  }

  var leftOut: [String] { [] }

  func write(_ sample: ExportedSample) throws(DataError) {
    let size = sample.bytes.count
    guard headSize(samples: 1) + size <= ExportOptions.largestMDS else {
      throw DataError(
        .badInput, at: [sample.key], "has \(grouped(size)) bytes, and a shard of MDS holds less than 4 GiB",
        remedy: "export to another format")
    }
    if let samples, headSize(samples: sizes.count + 1) + samples.count + size > maxBytes { try finishShard() }
    let open: SpilledColumn
    if let samples { open = samples } else { open = try SpilledColumn(in: parentFolder(of: folder.path)) }
    samples = open
    try open.append(sample.bytes)
    sizes.append(size)
  }

  func finish(_ description: ExportDescription) throws(DataError) {
    try finishShard()
    try folder.add(ExportDescription.fileName, description.encoded())
    try folder.add("index.json", encodeJSON(Index(shards: shards), keysAreData: true) + [10])
  }

  /// Bytes before the samples of a shard with so many.
  private func headSize(samples: Int) -> Int { 4 + 4 * (samples + 1) + config.count }

  private func finishShard() throws(DataError) {
    guard let samples else { return }
    let name = "shard.\(zeroPadded(shards.count, digits: 5)).mds"
    // A frame of zstd states the size of its content, so that is written first, to a file without a name.
    let descriptor = zstdLevel == nil ? try create(name) : openSpillFile(in: parentFolder(of: folder.path))
    guard descriptor >= 0 else { throw systemError(.cannotCreate, at: ["\(folder.path)/\(name)"], "cannot be created") }
    defer { close(descriptor) }
    let output = FileOutput(descriptor, name: "\(folder.path)/\(name)")
    try output.startHash()
    try output.append(head())
    try samples.copy(to: output)
    let raw = Shard.File(basename: name, bytes: output.count, hashes: ["sha256": try output.finishHash()])
    var shard = Shard(columns, sizeLimit: maxBytes, samples: sizes.count, rawData: raw)
    if let zstdLevel {
      let compressed = try create(name + ".zstd")
      defer { close(compressed) }
      let target = FileOutput(compressed, name: "\(folder.path)/\(name).zstd")
      try target.startHash()
      try compressZstd(
        FileInput(duplicating: descriptor, name: output.name), size: raw.bytes, level: zstdLevel, to: target)
      shard.zipData = .init(
        basename: name + ".zstd", bytes: target.count, hashes: ["sha256": try target.finishHash()])
    }
    shards.append(shard)
    self.samples = nil
    sizes = []
  }

  private func create(_ name: String) throws(DataError) -> Int32 {
    guard let descriptor = try folder.createFile(name) else { preconditionFailure("two shards are called \(name)") }
    return descriptor
  }

  /// What comes before the samples of a shard.
  private func head() -> [UInt8] {
    var head: [UInt8] = []
    head.append(littleEndian: UInt32(sizes.count))
    var position = headSize(samples: sizes.count)
    head.append(littleEndian: UInt32(position))
    for size in sizes {
      position += size
      head.append(littleEndian: UInt32(position))
    }
    return head + config
  }
}

/// The columns, in the order of their names.
private struct Columns: Sendable {
  var names: [String]
  var encodings: [String]
  /// Bytes of each; nil where they differ from sample to sample.
  var sizes: [Int?]

  init(_ fields: [String: ExportDescription.Field]) {
    names = fields.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    encodings = names.compactMap { fields[$0]?.type }
    sizes = names.map { name in
      guard let field = fields[name] else { return nil }
      return field.type == "int" ? 8 : field.shape.map { 4 * $0.reduce(1, *) }
    }
  }

  /// A sample: sizes of what has no fixed one, then the values.
  func packed(_ values: [String: [UInt8]], key: String) throws(DataError) -> [UInt8] {
    var head: [UInt8] = []
    var body: [UInt8] = []
    for (name, size) in zip(names, sizes) {
      let value = values[name] ?? []
      if let size {
        precondition(value.count == size, "column \(name) of sample \(key) has \(value.count) bytes, not \(size)")
      } else {
        guard let count = UInt32(exactly: value.count) else {
          throw DataError(.badInput, at: [key], "has a field \(name) of 4 GiB or more, which MDS cannot hold")
        }
        head.append(littleEndian: count)
      }
      body += value
    }
    return head + body
  }
}

/// What shards and index say of how a shard was written.
private struct Config: Encodable {
  var columns: Columns
  var sizeLimit: Int
  var isCompressed: Bool

  enum CodingKeys: String, CodingKey {
    case columnEncodings = "column_encodings"
    case columnNames = "column_names"
    case columnSizes = "column_sizes"
    case compression, format, hashes
    case sizeLimit = "size_limit"
    case version
    case rawData = "raw_data"
    case samples
    case zipData = "zip_data"
  }

  /// Readers hand every key on as an argument: there must be all of them, null where there is no value, and no other.
  func encode(_ values: inout KeyedEncodingContainer<CodingKeys>) throws {
    try values.encode(columns.encodings, forKey: .columnEncodings)
    try values.encode(columns.names, forKey: .columnNames)
    try values.encode(columns.sizes, forKey: .columnSizes)
    // The level is nobody's business but the writer's; litdata takes a level for a part of the name.
    try values.encode(isCompressed ? "zstd" : nil, forKey: .compression)
    try values.encode("mds", forKey: .format)
    try values.encode(["sha256"], forKey: .hashes)
    try values.encode(sizeLimit, forKey: .sizeLimit)
    try values.encode(2, forKey: .version)
  }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try encode(&values)
  }
}

/// A shard as `index.json` lists it.
private struct Shard: Encodable {
  struct File: Encodable {
    var basename: String
    var bytes: Int
    var hashes: [String: String]
  }

  var columns: Columns
  var sizeLimit: Int
  var samples: Int
  var rawData: File
  var zipData: File?

  init(_ columns: Columns, sizeLimit: Int, samples: Int, rawData: File) {
    self.columns = columns
    self.sizeLimit = sizeLimit
    self.samples = samples
    self.rawData = rawData
  }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Config.CodingKeys.self)
    try Config(columns: columns, sizeLimit: sizeLimit, isCompressed: zipData != nil).encode(&values)
    try values.encode(rawData, forKey: .rawData)
    try values.encode(samples, forKey: .samples)
    try values.encode(zipData, forKey: .zipData)
  }
}

private struct Index: Encodable {
  var version = 2
  var shards: [Shard]
}
