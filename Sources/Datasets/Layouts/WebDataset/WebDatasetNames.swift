/// How the members of a WebDataset are called: where a key ends, which field is the image and which the label.
struct WebDatasetNames: Sendable {
  /// Whether the last dot ends a key.
  ///
  /// The convention is the first one, but keys with dots are met in the wild.
  var keysHoldDots = false
  /// The fields that may hold the image, the preferred one first; empty for all that usually do.
  var chosenImages: [String] = []
  /// The field that holds the label.
  var labelField = "cls"
  /// Where in a label field of JSON the label stands; empty for a field that is the label.
  var labelKeys: [String] = []

  /// Whether samples of this field are images.
  func isImage(_ field: String) -> Bool {
    chosenImages.isEmpty ? imageFields.contains(field) : chosenImages.contains(field)
  }

  /// Whether a sample needs no other field for its image: an `npy` that nobody chose another field for.
  func isArray(_ field: String) -> Bool {
    field == "npy" && chosenImages.isEmpty || chosenImages.contains(field) && field.lastPart == "npy"
  }

  /// Key and field of a member; nil for what is no part of a sample.
  func parts(of path: String) -> (key: String, field: String)? {
    if keysHoldDots { return Self.partsAtLastDot(path) }
    return Self.plainParts(of: path) ?? Self.partsAtFirstDot(path)
  }

  /// Of a bare name in lower case, as most are.
  private static func plainParts(of path: String) -> (key: String, field: String)? {
    var path = path
    return path.withUTF8 { bytes in
      guard let dot = bytes.firstIndex(of: 0x2e), dot > 0, bytes[0] != 0x5f,
        bytes[..<dot].allSatisfy({ $0 < 0x80 && $0 != 0x2f }),
        bytes[dot...].allSatisfy({ $0 < 0x80 && $0 != 0x2f && !(0x41...0x5a).contains($0) })
      else { return nil }
      return (String(decoding: bytes[..<dot], as: UTF8.self), String(decoding: bytes[(dot + 1)...], as: UTF8.self))
    }
  }

  static func partsAtFirstDot(_ path: String) -> (key: String, field: String)? {
    parts(path) { $0.firstIndex(of: ".") }
  }

  static func partsAtLastDot(_ path: String) -> (key: String, field: String)? {
    parts(path) { name in
      // The one field with a dot that usual datasets have.
      name.lowercased().hasSuffix(".soft.npy")
        ? name.index(name.endIndex, offsetBy: -".soft.npy".count) : name.lastIndex(of: ".")
    }
  }

  private static func parts(
    _ path: String, dot: (Substring) -> Substring.Index?
  ) -> (key: String, field: String)? {
    let components = path.split(separator: "/")
    guard let basename = components.last, let dot = dot(basename), dot > basename.startIndex else { return nil }
    if components.contains(where: { $0.hasPrefix("__") && $0.hasSuffix("__") && $0.count > 4 }) { return nil }
    let key = (components.dropLast() + [basename[..<dot]]).joined(separator: "/")
    return (key, basename[basename.index(after: dot)...].lowercased())
  }

  /// What a member might be the label by its field's name alone.
  static func isLabel(_ field: String) -> Bool {
    let words = field.split(separator: ".")
    guard let last = words.last else { return false }
    let name = last == "txt" && words.count > 1 ? words[words.count - 2] : last
    return ["cls", "label", "class", "target"].contains(name)
  }
}

extension WebDatasetNames {
  /// Keys in a JSON object that say what class an image is of.
  static let usualLabelKeys = ["label", "cls", "class", "class_id", "label_id", "target", "category"]

  /// The key that holds the label of an object; nil where there is none.
  ///
  /// `label` comes first; of the others there has to be one alone.
  static func labelKey(in value: JSONValue) -> String? {
    if value["label"] != nil { return "label" }
    let found = usualLabelKeys.filter { value[$0] != nil }
    return found.count == 1 ? found[0] : nil
  }

  /// Works them out from the first members of an archive; what the options name is taken at its word.
  ///
  /// - Parameter json: the content of some of these members.
  /// - Returns: what the log shall say, too.
  /// - Throws: `badInput` where two fields may be meant.
  static func found(
    in paths: [String], json: [String: JSONValue], options: ReadOptions, name: String
  ) throws(DataError) -> (names: WebDatasetNames, notes: [String]) {
    var names = WebDatasetNames()
    var notes: [String] = []
    names.chosenImages = options.imageFields
    let first = Groups(paths, partsAtFirstDot, options)
    let last = Groups(paths, partsAtLastDot, options)
    if !first.isWhole, last.isWhole, !first.repeatsImages {
      names.keysHoldDots = true
      notes.append("keys hold dots, so the last dot of a name ends its key")
    }
    let groups = names.keysHoldDots ? last : first
    if names.chosenImages.isEmpty, !groups.fields.contains(where: { imageFields.contains($0) || $0 == "npy" }) {
      let images = groups.fields.filter {
        imageFields.contains($0.lastPart) || $0.lastPart == "npy" && $0 != "soft.npy"
      }
      if images.count > 1 { throw choice(images, "images", "--image-field", name) }
      names.chosenImages = images.sorted()
      if let image = images.first { notes.append("the field \(image) is the image") }
    }
    let others = groups.fields.filter { $0.contains(".") && imageFields.contains($0.lastPart) }
    if names.chosenImages.isEmpty, !others.isEmpty, let image = groups.fields.filter(imageFields.contains).min() {
      notes.append("the field \(image) is the image; \(others.sorted().joined(separator: ", ")) is passed on beside it")
    }
    if let field = options.labelField.first {
      names.labelField = field
      names.labelKeys = Array(options.labelField.dropFirst())
    } else if !groups.fields.contains("cls") {
      let labels = groups.fields.filter(isLabel)
      if labels.count > 1 { throw choice(labels, "labels", "--label-field", name) }
      if let label = labels.first {
        names.labelField = label
        notes.append("the field \(label) is the label")
      } else if groups.fields.contains("json") {
        names.labelField = "json"
      }
    }
    if names.labelField.lastPart == "json", names.labelKeys.isEmpty {
      let values = paths.lazy.compactMap { path in
        let parts = names.parts(of: path)
        return parts?.field == names.labelField ? json[path] : nil
      }
      // Documents of the dataset itself have other keys.
      let keys = Set(values.compactMap(labelKey))
      if keys.count == 1, let key = keys.first {
        names.labelKeys = [key]
        notes.append("“\(key)” in \(names.labelField) is the label")
      } else if let value = values.first(where: { _ in true }) {
        let found = usualLabelKeys.filter { value[$0] != nil }
        throw DataError(
          .badInput, at: [name],
          found.isEmpty
            ? "samples without the field cls, and no label in their json"
            : "the label may be \(found.joined(separator: " or ")) in json",
          remedy: "name the label with --label-field json:KEY")
      }
    }
    return (names, notes)
  }

  private static func choice(_ fields: Set<String>, _ what: String, _ option: String, _ name: String) -> DataError {
    DataError(
      .badInput, at: [name], "the \(what) may be the field \(fields.sorted().joined(separator: " or "))",
      remedy: "choose with \(option)")
  }

  /// The samples that the first members make when their keys end at one or the other dot.
  private struct Groups {
    var fields: Set<String> = []
    /// Whether every group that holds an image or a label holds both, and at least one does.
    var isWhole = false
    /// Whether different keys have several images each, under the same names.
    var repeatsImages = false

    init(_ paths: [String], _ split: (String) -> (key: String, field: String)?, _ options: ReadOptions) {
      var groups: [(key: String, fields: [String])] = []
      for path in paths {
        guard let (key, field) = split(path) else { continue }
        if groups.last?.key == key {
          groups[groups.count - 1].fields.append(field)
        } else {
          groups.append((key, [field]))
        }
        fields.insert(field)
      }
      // The last one may go on behind the prefix.
      if groups.count > 1 { groups.removeLast() }
      func isImage(_ field: String) -> Bool {
        options.imageFields.isEmpty
          ? imageFields.contains(field) || field == "npy" : options.imageFields.contains(field)
      }
      func isLabel(_ field: String) -> Bool {
        if let chosen = options.labelField.first { return field == chosen }
        return field == "json" || WebDatasetNames.isLabel(field) && !field.contains(".")
      }
      var whole = 0
      var broken = 0
      var repeated: [String: Int] = [:]
      for group in groups {
        let image = group.fields.contains(where: isImage)
        let label = group.fields.contains(where: isLabel)
        // An image or a label under a name with a dot more.
        let isHidden = group.fields.contains { imageFields.contains($0.lastPart) || $0.lastPart == "cls" }
        if image && label {
          whole += 1
        } else if image || label && !group.fields.contains("json") || isHidden {
          broken += 1
        }
        let images = Set(group.fields.filter { imageFields.contains($0.lastPart) })
        if images.count > 1 { for field in images { repeated[field, default: 0] += 1 } }
      }
      isWhole = whole > 0 && broken == 0
      repeatsImages = repeated.values.contains { $0 > 1 }
    }
  }
}
