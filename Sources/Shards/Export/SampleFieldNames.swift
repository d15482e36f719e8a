internal import Datasets

/// What the fields of a sample are called in formats that keep them apart: mds and tfrecord.
struct SampleFieldNames: Sendable {
  /// `image`, or `latent`.
  let content: String
  let label = "label"
  let key = "key"
  let softLabel = "soft_label"
  let metadata = "metadata"

  init(_ layout: ExportLayout, _ kind: DatasetInfo.Kind) {
    content = kind == .latents ? "latent" : "image"
  }

  /// A field that the program does not interpret keeps its name, unless that means something here.
  func extra(_ name: String) -> String {
    // Names that begin so get it again, so that no two become one.
    [content, label, key, softLabel, metadata].contains(name) || name.hasPrefix("extra.") ? "extra.\(name)" : name
  }

  /// The words of a format for the types of fields.
  struct Types {
    var integer: String
    var text: String
    var json: String
    var bytes: String
    var image: String
    /// An array of that shape.
    var floats: ([Int]) -> String
  }

  /// The description of every field.
  func fields(_ layout: ExportLayout, types: Types) -> [String: ExportDescription.Field] {
    let shape = layout.shape ?? []
    var fields: [String: ExportDescription.Field] = [
      key: .init(type: types.text, meaning: "the sample's key"),
      label: .init(type: types.integer, meaning: "class index, from 0, into label_names"),
      content: layout.content == .floats
        ? .init(type: types.floats(shape), shape: shape, meaning: layout.meaning)
        : .init(type: types.image, meaning: layout.meaning),
    ]
    if let count = layout.softLabels {
      fields[softLabel] = .init(
        type: types.floats([count]), shape: [count], meaning: "one value per class, see label_kind")
    }
    if layout.hasMetadata { fields[metadata] = .init(type: types.json, meaning: "metadata of the sample, in JSON") }
    for name in layout.extras {
      fields[extra(name)] = .init(type: types.bytes, meaning: "the field \(name), unchanged")
    }
    return fields
  }
}
