internal import CZlib
internal import Datasets

/// One npz file: a zip archive of NumPy arrays that are stored, not compressed, with no pickled objects in it.
///
/// Beside the arrays it holds `description.json` and, where samples have metadata, `samples.jsonl`: a line for each sample, in order.
final class NPZExport: ExportWriter {
  private let zip: ZipWriter
  private let columns: SampleColumns
  private let lines: SpilledColumn
  private let kind: DatasetInfo.Kind

  /// Writes to `output` at the end; until then the arrays are in files without names in `folder`.
  init(_ layout: ExportLayout, _ info: DatasetInfo, to output: FileOutput, spillingInto folder: String)
    throws(DataError)
  {
    zip = ZipWriter(output)
    kind = info.kind
    columns = try SampleColumns(layout, in: folder, checked: true)
    lines = try SpilledColumn(in: folder, checked: true)
  }

  static func encoder(
    _ layout: ExportLayout, _ info: DatasetInfo, _ options: ExportOptions
  ) -> @Sendable (Sample) throws(DataError) -> ExportedSample {
    SampleColumns.encoder(layout, info, options)
  }

  var fields: [String: ExportDescription.Field] { columns.fields(kind, type: Self.name) }

  var leftOut: [String] { columns.layout.extras }

  func write(_ sample: ExportedSample) throws(DataError) {
    try columns.append(sample)
    // Keys are plain ASCII; metadata is JSON, in which a line feed is only space.
    var line = Array(#"{"key":"\#(sample.key)""#.utf8)
    if let metadata = sample.metadata {
      line += Array(#","json":"#.utf8) + metadata.map { $0 == 10 || $0 == 13 ? 32 : $0 }
    }
    try lines.append(line + Array("}\n".utf8))
  }

  func finish(_ description: ExportDescription) throws(DataError) {
    for array in columns.arrays(kind) {
      let header = npyHeader(Self.name(array.element), shape: array.shape)
      let column = array.column
      let headerSum = header.withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, $0.count) }
      let checksum = crc32_combine(headerSum, column.checksum, column.count)
      try zip.add("\(array.name).npy", size: header.count + column.count, checksum: UInt32(checksum)) {
        (output) throws(DataError) in
        try output.append(header)
        try column.copy(to: output)
      }
    }
    try zip.add("samples.jsonl", size: lines.count, checksum: UInt32(lines.checksum)) { (output) throws(DataError) in
      try lines.copy(to: output)
    }
    let text = description.encoded()
    let checksum = text.withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, $0.count) }
    try zip.add(ExportDescription.fileName, size: text.count, checksum: UInt32(checksum)) {
      (output) throws(DataError) in
      try output.append(text)
    }
    try zip.finish()
  }

  private static func name(_ element: SampleColumns.Element) -> String {
    switch element {
    case .int64: "<i8"
    case .float32: "<f4"
    case .uint8: "|u1"
    }
  }
}
