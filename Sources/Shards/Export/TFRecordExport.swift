internal import Datasets
internal import Glibc

/// TFRecord files `NAME-train.tfrecord-00000-of-00002`, each record a `tf.train.Example`, with checksums that TensorFlow checks.
///
/// A record is its length (64 bits), the masked CRC-32C of that, the bytes, and their masked CRC-32C.
/// Reference: https://www.tensorflow.org/tutorials/load_data/tfrecord.
final class TFRecordExport: ExportWriter {
  private let folder: NewFolder
  private let layout: ExportLayout
  private let info: DatasetInfo
  private let maxBytes: Int
  private var file: (descriptor: Int32, output: FileOutput)?
  private var files = 0

  init(_ layout: ExportLayout, _ info: DatasetInfo, _ options: ExportOptions, in folder: NewFolder) throws(DataError) {
    self.folder = folder
    self.layout = layout
    self.info = info
    maxBytes = options.maxBytes
  }

  deinit {
    if let file { close(file.descriptor) }
  }

  static func encoder(
    _ layout: ExportLayout, _ info: DatasetInfo, _ options: ExportOptions
  ) -> @Sendable (Sample) throws(DataError) -> ExportedSample {
    let name = SampleFieldNames(layout, info.kind)
    return { (sample) throws(DataError) in
      try layout.check(sample)
      var features: [(name: String, value: Feature)] = [
        (name.label, .integer(sample.label)), (name.key, .bytes(Array(sample.key.utf8))),
      ]
      switch (sample.content, layout.content) {
      case (.floats(let array), .floats):
        try layout.check(array.shape, of: sample.key)
        features.append((name.content, .floats(array.values)))
      case (.floats, _), (_, .floats): throw ExportLayout.otherKind(sample)
      default:
        let image = try sample.imageFile(channels: info.shape?.first, limits: options.limits)
        features.append((name.content, .bytes(image.bytes)))
      }
      if let soft = sample.softLabel { features.append((name.softLabel, .floats(soft))) }
      if let metadata = sample.metadata { features.append((name.metadata, .bytes(metadata))) }
      for extra in sample.extras { features.append((name.extra(extra.name), .bytes(extra.bytes))) }
      return ExportedSample(key: sample.key, label: sample.label, bytes: record(example(features)))
    }
  }

  var fields: [String: ExportDescription.Field] {
    SampleFieldNames(layout, info.kind).fields(
      layout,
      types: .init(
        integer: "int64", text: "bytes", json: "bytes", bytes: "bytes", image: "bytes",
        floats: { _ in "float" }))
  }

  var leftOut: [String] { [] }

  func write(_ sample: ExportedSample) throws(DataError) {
    if let file, file.output.count + sample.bytes.count > maxBytes { try finishFile() }
    if file == nil {
      let name = Self.temporaryName(files)
      guard let descriptor = try folder.createFile(name) else { preconditionFailure("two files are called \(name)") }
      file = (descriptor, FileOutput(descriptor, name: "\(folder.path)/\(name)"))
    }
    try file?.output.append(sample.bytes)
  }

  func finish(_ description: ExportDescription) throws(DataError) {
    try finishFile()
    // How many there are is known only now, and it is in every name.
    for number in 0..<files {
      let place = "\(zeroPadded(number, digits: 5))-of-\(zeroPadded(files, digits: 5))"
      try folder.rename(Self.temporaryName(number), to: "\(info.folderName)-\(info.split.rawValue).tfrecord-\(place)")
    }
    try folder.add(ExportDescription.fileName, description.encoded())
  }

  private func finishFile() throws(DataError) {
    guard let file else { return }
    try file.output.flush()
    close(file.descriptor)
    self.file = nil
    files += 1
  }

  private static func temporaryName(_ number: Int) -> String { "\(number).tfrecord" }
}

extension ExportLayout {
  static func otherKind(_ sample: Sample) -> DataError {
    DataError(
      .badInput, at: [sample.key],
      "is of another kind than the samples before it: some are floats, others 8-bit images",
      remedy: "make all of them alike, as with pipe shard --fields png,cls")
  }
}

// MARK: - Protocol buffers

/// The value of a feature.
private enum Feature {
  case bytes([UInt8])
  case floats([Float])
  case integer(Int)
}

/// A `tf.train.Example`: a map from names to features, here in the order of the names.
private func example(_ features: [(name: String, value: Feature)]) -> [UInt8] {
  var map: [UInt8] = []
  for (name, value) in features.sorted(by: { $0.name < $1.name }) {
    var entry: [UInt8] = []
    entry.append(field: 1, bytes: Array(name.utf8))
    entry.append(field: 2, bytes: message(value))
    map.append(field: 1, bytes: entry)
  }
  var example: [UInt8] = []
  example.append(field: 1, bytes: map)
  return example
}

/// A `Feature`: a list of bytes (field 1), of floats (2) or of integers (3), whose values are field 1 of the list.
private func message(_ value: Feature) -> [UInt8] {
  var list: [UInt8] = []
  var message: [UInt8] = []
  switch value {
  case .bytes(let bytes):
    list.append(field: 1, bytes: bytes)
    message.append(field: 1, bytes: list)
  case .floats(let values):
    var packed: [UInt8] = []
    packed.reserveCapacity(4 * values.count)
    packed.append(floats: values)
    list.append(field: 1, bytes: packed)
    message.append(field: 2, bytes: list)
  case .integer(let value):
    var packed: [UInt8] = []
    packed.append(varint: UInt64(bitPattern: Int64(value)))
    list.append(field: 1, bytes: packed)
    message.append(field: 3, bytes: list)
  }
  return message
}

extension [UInt8] {
  /// Appends a number in groups of seven bits, the lowest first.
  fileprivate mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  /// Appends a field of bytes, of a message, or of packed numbers.
  fileprivate mutating func append(field number: Int, bytes: [UInt8]) {
    append(varint: UInt64(number << 3 | 2))
    append(varint: UInt64(bytes.count))
    append(contentsOf: bytes)
  }
}

// MARK: - Records

/// A record of these bytes.
private func record(_ bytes: [UInt8]) -> [UInt8] {
  var length: [UInt8] = []
  length.append(littleEndian: UInt64(bytes.count))
  var record = length
  record.reserveCapacity(bytes.count + 16)
  record.append(littleEndian: masked(crc32c(length)))
  record += bytes
  record.append(littleEndian: masked(crc32c(bytes)))
  return record
}

/// A checksum as the format stores it: turned by 15 bits, so that a checksum of data that holds checksums is of use.
private func masked(_ checksum: UInt32) -> UInt32 { (checksum >> 15 | checksum << 17) &+ 0xa282_ead8 }
