public import Datasets

extension DatasetInfo {
  /// The name of the folder and of the shards when nobody chose one: `cifar10`, `cifar10-m3d-ipc10` for
  /// condensed and `cifar10-augment-x10` for expanded data.
  public var folderName: String {
    var parts = [name]
    let made = provenance.lastIndex { $0.verb == "condense" || $0.verb == "expand" || $0.verb == "merge" }
    if let made {
      let step = provenance[made]
      let before = provenance[..<made].last { $0.options["method"] != nil }
      let makers =
        step.verb == "merge" ? (step.parts ?? [[]]).map { $0.last { $0.options["method"] != nil } ?? before } : [step]
      let methods = Set(makers.map { $0?.options["method"] })
      if methods.count == 1, let method = methods.first ?? nil { parts.append(method) }
      if step.verb == "merge" || provenance[made...].contains(where: \.selectsSamples) {
        // What was made is not what there is.
        let counts = Set((countPerClass ?? []).filter { $0 > 0 })
        if parts.count > 1, counts.count == 1, let count = counts.first { parts.append("ipc\(count)") }
      } else {
        if let count = step.options["ipc"], Int(count) != nil { parts.append("ipc\(count)") }
        if let ratio = step.options["ratio"] { parts.append("x\(ratio)") }
      }
    }
    // A method or a name from elsewhere may hold what a shard's name must not.
    let text = parts.joined(separator: "-").map { MemberName.isKey("\($0)") || $0 == "_" ? $0 : "-" }
    // `tar` and other programs take a name with a dash in front for an option.
    let name = String(text.drop { $0 == "_" || $0 == "-" })
    return name.isEmpty ? "dataset" : name
  }
}

extension [ProvenanceStep] {
  /// The step that made the samples: the last that names a method; nil for data that was only decoded.
  ///
  /// Of parts that were merged it is one of theirs, without its results, where one method made all of them; else nil.
  public var making: ProvenanceStep? {
    guard let place = lastIndex(where: { $0.options["method"] != nil || $0.parts != nil }) else { return nil }
    let step = self[place]
    guard step.options["method"] == nil, let parts = step.parts else { return step }
    let before = Self(self[..<place]).making
    let makers = parts.map { $0.making ?? before }
    guard var maker = makers.first ?? nil, Set(makers.map { $0?.options["method"] }).count == 1 else { return nil }
    maker.results = nil
    return maker
  }
}

extension ProvenanceStep {
  /// Whether it left samples out.
  fileprivate var selectsSamples: Bool {
    verb == "cat" && ["filter", "drop-class", "per-class", "take"].contains { options[$0] != nil }
  }
}
