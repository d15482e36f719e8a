internal import Datasets

/// The first thing in which two datasets differ that parts of one dataset must have in common.
struct PartDifference: Equatable {
  /// What differs: `class 3`, `shape`.
  var what: String
  /// What the first says.
  var first: String
  /// What the other says.
  var other: String

  /// Compares two manifests; nil where their samples can stand in one dataset.
  ///
  /// Not compared are name, counts, history and observed range: in these, parts of one dataset may differ.
  init?(_ first: Manifest, _ other: Manifest) {
    func differ<T: Equatable>(_ what: String, _ value: (Manifest) -> T?, _ text: (T) -> String) -> PartDifference? {
      let (one, two) = (value(first), value(other))
      return one == two
        ? nil : PartDifference(what: what, first: one.map(text) ?? "none", other: two.map(text) ?? "none")
    }
    var found = differ("split", { $0.split }, { $0.rawValue })
    found = found ?? differ("kind", { $0.kind }, { $0.rawValue })
    found = found ?? Self.classes(first, other) ?? Self.fields(first, other)
    found = found ?? differ("label kind", { $0.labelKind }, { $0.rawValue })
    found = found ?? differ("shape", { $0.shape }, shapeText)
    found = found ?? differ("value range", { $0.valueRange }, numbers)
    found =
      found ?? differ("normalisation", { $0.normalization }, { "mean \(numbers($0.mean)), std \(numbers($0.std))" })
    found = found ?? differ("spectrogram", { $0.spectrogram }, { text(of: $0) })
    found = found ?? differ("mirror", { $0.mirror }, { "\($0)" })
    found = found ?? differ("formation", { $0.formation }, { text(of: $0) })
    found = found ?? differ("learned learning rate", { $0.learnedLearningRate }, { "\($0)" })
    guard let found else { return nil }
    self = found
  }

  private init(what: String, first: String, other: String) {
    (self.what, self.first, self.other) = (what, first, other)
  }

  private static func classes(_ first: Manifest, _ other: Manifest) -> PartDifference? {
    let (one, two) = (first.labelNames, other.labelNames)
    for index in 0..<max(one.count, two.count) {
      let names = [one, two].map { $0.indices.contains(index) ? "“\($0[index])”" : "none" }
      if names[0] != names[1] { return PartDifference(what: "class \(index)", first: names[0], other: names[1]) }
    }
    return nil
  }

  /// Fields, where an image may be a PNG file in the one and a JPEG file in the other.
  private static func fields(_ first: Manifest, _ other: Manifest) -> PartDifference? {
    let images = SampleFields.imageNames.union([Manifest.eitherImage])
    func normal(_ fields: [String]) -> [String] {
      fields.first.map { images.contains($0) } ?? false ? [Manifest.eitherImage] + fields.dropFirst() : fields
    }
    guard normal(first.fields) != normal(other.fields) else { return nil }
    return PartDifference(
      what: "fields", first: first.fields.joined(separator: ", "), other: other.fields.joined(separator: ", "))
  }
}

private func numbers(_ values: [Float]) -> String { values.map { "\($0)" }.joined(separator: " ") }

private func text(of value: some Encodable) -> String { String(decoding: encodeJSON(value), as: UTF8.self) }
