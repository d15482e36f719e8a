/// What `pipe export` wrote beside arrays, in `description.json`, as far as it is needed to read them.
struct ExportedArrays {
  static let fileName = "description.json"

  /// In index order; nil where it names none.
  let classNames: [String]?
  /// See `DatasetInfo`.
  let mirror: Bool?
  /// The part that the samples are of; nil where it says none.
  let split: DatasetInfo.Split?
  private let isFormed: Bool
  private let hasSoftLabels: Bool

  /// Reads the file; nil where it is not one that `pipe export` wrote.
  init?(_ bytes: [UInt8]) {
    guard let value = JSONValue(bytes), value["format"] == .string("pipe-export") else { return nil }
    classNames = Self.texts(value["label_names"])
    if case .bool(let flag)? = value["mirror"] { mirror = flag } else { mirror = nil }
    if case .string(let text)? = value["split"] { split = DatasetInfo.Split(rawValue: text) } else { split = nil }
    isFormed = value["formation"].map { $0 != .null && ($0["factor"] ?? $0["parts"]) != .integer(1) } ?? false
    hasSoftLabels = value["label_kind"].map { $0 != .string("hard") } ?? false
  }

  private static func texts(_ value: JSONValue?) -> [String]? {
    guard case .array(let values)? = value else { return nil }
    let texts = values.compactMap { if case .string(let text) = $0 { text } else { nil } }
    return texts.count == values.count && !texts.isEmpty ? texts : nil
  }

  /// Throws `badInput` where the arrays hold images that training images are cut out of.
  func refuseFormation(at place: [String]) throws(DataError) {
    guard isFormed else { return }
    throw DataError(
      .badInput, at: place + [Self.fileName],
      "each image of this export holds several training images, and an array does not say so",
      remedy: "give the dataset that it was exported from, or export it again with --form")
  }

  /// What the log shall say where another reading was possible.
  var doubts: [String] {
    hasSoftLabels ? ["its soft labels are not read; the dataset that it was exported from has them"] : []
  }
}
