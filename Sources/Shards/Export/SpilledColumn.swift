internal import CZlib
internal import Datasets
internal import Glibc

/// One array that grows from sample to sample, in a file without a name until all of its size is known.
final class SpilledColumn {
  private let descriptor: Int32
  private let output: FileOutput
  private let isChecked: Bool
  /// CRC-32 of every byte, where it is asked for.
  private(set) var checksum: UInt

  /// A column whose file lies in `folder`.
  ///
  /// - Throws: `DataError` (`.cannotCreate`).
  init(in folder: String, checked: Bool = false) throws(DataError) {
    descriptor = openSpillFile(in: folder)
    guard descriptor >= 0 else { throw systemError(.cannotCreate, at: [folder], "takes no temporary file") }
    output = FileOutput(descriptor, name: "\(folder)/(temporary file)")
    isChecked = checked
    checksum = crc32(0, nil, 0)
  }

  deinit {
    close(descriptor)
  }

  /// Bytes so far.
  var count: Int { output.count }

  func append(_ bytes: [UInt8]) throws(DataError) {
    if isChecked { checksum = crc32_z(checksum, bytes, bytes.count) }
    try output.append(bytes)
  }

  /// Copies all of it to a file.
  ///
  /// - Throws: `DataError` (`.io`).
  func copy(to target: FileOutput) throws(DataError) {
    try output.flush()
    let input = try FileInput(duplicating: descriptor, name: output.name)
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { chunk.deallocate() }
    var left = count
    while left > 0 {
      let found = try input.read(into: chunk)
      guard found > 0 else { throw DataError(.io, at: [output.name], "has lost \(left) bytes") }
      try target.append(UnsafeRawBufferPointer(rebasing: chunk[..<found]))
      left -= found
    }
  }
}

/// The arrays of all samples, with what is the same in npz and safetensors.
final class SampleColumns {
  let layout: ExportLayout
  let content: SpilledColumn
  let labels: SpilledColumn
  let softLabels: SpilledColumn?
  private(set) var count = 0

  init(_ layout: ExportLayout, in folder: String, checked: Bool) throws(DataError) {
    self.layout = layout
    content = try SpilledColumn(in: folder, checked: checked)
    labels = try SpilledColumn(in: folder, checked: checked)
    softLabels = layout.softLabels == nil ? nil : try SpilledColumn(in: folder, checked: checked)
  }

  func append(_ sample: ExportedSample) throws(DataError) {
    try content.append(sample.bytes)
    var bytes: [UInt8] = []
    bytes.append(littleEndian: Int64(sample.label))
    try labels.append(bytes)
    if let soft = sample.softLabel {
      bytes = []
      bytes.append(floats: soft)
      try softLabels?.append(bytes)
    }
    count += 1
  }

  /// Name, element type, shape and bytes of each array.
  ///
  /// Those of eight bytes come first, so that all are where their elements are aligned.
  func arrays(_ kind: DatasetInfo.Kind) -> [(name: String, element: Element, shape: [Int], column: SpilledColumn)] {
    var arrays: [(String, Element, [Int], SpilledColumn)] = [("labels", .int64, [count], labels)]
    if let softLabels { arrays.append(("soft_labels", .float32, [count, layout.softLabels ?? 0], softLabels)) }
    let element: Element = layout.content == .floats ? .float32 : .uint8
    arrays.append((Self.name(kind), element, [count] + (layout.shape ?? []), content))
    return arrays
  }

  /// The array of what the samples show.
  static func name(_ kind: DatasetInfo.Kind) -> String { kind == .latents ? "latents" : "images" }

  enum Element {
    case int64, float32, uint8
  }

  /// The image as it stands in an array.
  static func encoder(
    _ layout: ExportLayout, _ info: DatasetInfo, _ options: ExportOptions
  ) -> @Sendable (Sample) throws(DataError) -> ExportedSample {
    { (sample) throws(DataError) in
      try layout.check(sample)
      var bytes: [UInt8] = []
      switch (sample.content, layout.content) {
      case (.floats(let array), .floats):
        try layout.check(array.shape, of: sample.key)
        bytes.append(floats: array.values)
      case (.floats, _), (_, .floats):
        throw ExportLayout.otherKind(sample)
      default:
        let pixels = try sample.unified(toChannels: layout.shape?.first, limits: options.limits)
          .pixels(limits: options.limits)
        try layout.check([pixels.channels, pixels.height, pixels.width], of: sample.key)
        bytes = pixels.planes
      }
      return ExportedSample(
        key: sample.key, label: sample.label, bytes: bytes, softLabel: sample.softLabel, metadata: sample.metadata)
    }
  }

  /// Descriptions of the arrays.
  func fields(_ kind: DatasetInfo.Kind, type: (Element) -> String) -> [String: ExportDescription.Field] {
    var fields: [String: ExportDescription.Field] = [:]
    for array in arrays(kind) {
      let meaning =
        switch array.name {
        case "labels": "class index, from 0, into label_names"
        case "soft_labels": "one value per class, see label_kind"
        default: layout.meaning
        }
      fields[array.name] = .init(type: type(array.element), shape: array.shape, meaning: meaning)
    }
    return fields
  }
}
