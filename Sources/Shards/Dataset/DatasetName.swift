public import Datasets

extension DatasetInfo {
  /// The name of the folder and of the shards when nobody chose one: `cifar10`, `cifar10-m3d-ipc10` for
  /// condensed and `cifar10-augment-x10` for expanded data.
  public var folderName: String {
    var parts = [name]
    if let step = provenance.last(where: { $0.verb == "condense" || $0.verb == "expand" }) {
      if let method = step.options["method"] { parts.append(method) }
      if let count = step.options["ipc"], Int(count) != nil { parts.append("ipc\(count)") }
      if let ratio = step.options["ratio"] { parts.append("x\(ratio)") }
    }
    // A method or a name from elsewhere may hold what a shard's name must not.
    let text = parts.joined(separator: "-").map { MemberName.isKey("\($0)") || $0 == "_" ? $0 : "-" }
    return String(text.drop { $0 == "_" })
  }
}
