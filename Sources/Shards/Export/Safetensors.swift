internal import Datasets

/// One safetensors file: the size of a header, the header in JSON, and the tensors without gaps.
///
/// Reference: https://huggingface.co/docs/safetensors.
final class SafetensorsExport: ExportWriter {
  private let output: FileOutput
  private let columns: SampleColumns
  private let kind: DatasetInfo.Kind

  /// Writes to `output` at the end; until then the arrays are in files without names in `folder`.
  init(_ layout: ExportLayout, _ info: DatasetInfo, to output: FileOutput, spillingInto folder: String)
    throws(DataError)
  {
    self.output = output
    kind = info.kind
    columns = try SampleColumns(layout, in: folder, checked: false)
  }

  static func encoder(
    _ layout: ExportLayout, _ info: DatasetInfo, _ options: ExportOptions
  ) -> @Sendable (Sample) throws(DataError) -> ExportedSample {
    SampleColumns.encoder(layout, info, options)
  }

  var fields: [String: ExportDescription.Field] { columns.fields(kind, type: Self.name) }

  var leftOut: [String] { (columns.layout.hasMetadata ? ["json"] : []) + columns.layout.extras }

  func write(_ sample: ExportedSample) throws(DataError) {
    try columns.append(sample)
  }

  func finish(_ description: ExportDescription) throws(DataError) {
    var tensors: [String: Tensor] = [:]
    var position = 0
    let arrays = columns.arrays(kind)
    for array in arrays {
      let end = position + array.column.count
      tensors[array.name] = Tensor(dtype: Self.name(array.element), shape: array.shape, dataOffsets: [position, end])
      position = end
    }
    let header = Array(#"{"__metadata__":"#.utf8) + encodeJSON(description.texts, keysAreData: true) + [0x2c]
    var json = header + encodeJSON(tensors, keysAreData: true).dropFirst()
    // Tensors begin where numbers of eight bytes are aligned.
    json += [UInt8](repeating: 0x20, count: (8 - json.count % 8) % 8)
    guard json.count <= 100_000_000 else {
      throw DataError(
        .badInput, at: [output.name], "has a header of \(grouped(json.count)) bytes, and readers take 100,000,000",
        remedy: "export to npz")
    }
    var size: [UInt8] = []
    size.append(littleEndian: UInt64(json.count))
    try output.append(size + json)
    for array in arrays { try array.column.copy(to: output) }
    try output.flush()
  }

  private static func name(_ element: SampleColumns.Element) -> String {
    switch element {
    case .int64: "I64"
    case .float32: "F32"
    case .uint8: "U8"
    }
  }

  private struct Tensor: Encodable {
    var dtype: String
    var shape: [Int]
    var dataOffsets: [Int]

    private enum CodingKeys: String, CodingKey {
      case dtype, shape
      case dataOffsets = "data_offsets"
    }
  }
}

extension ExportDescription {
  /// The description as metadata of safetensors, which are texts: all of it under `description`, and again by themselves, in JSON,
  /// the values that a trainer asks for.
  fileprivate var texts: [String: String] {
    var texts = ["description": json(self), "label_names": json(labelNames), "label_kind": labelKind.rawValue]
    texts["value_range"] = valueRange.map { json($0) }
    texts["normalization"] = normalization.map { json($0) }
    texts["network_input"] = networkInput
    texts["formation"] = formation.map { json($0) }
    texts["learned_learning_rate"] = learnedLearningRate.map { json($0) }
    return texts
  }
}

private func json(_ value: some Encodable) -> String { String(decoding: encodeJSON(value), as: UTF8.self) }
