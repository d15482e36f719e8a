internal import Datasets
internal import Shards

extension Report {
  /// What is different from the generation before.
  var changesSection: HTML {
    guard let earlier else {
      return .missing(
        "What changed since the last generation comes with",
        "pipe report \(typedFolder) --previous OLDER-DATASET -o report.html")
    }
    let (old, new) = (earlier.manifest, manifest)
    guard old.generation != new.generation else {
      return .paragraph("Nothing: \(isolated(lastPart(of: earlier.folder))) is the same generation.")
    }
    let rows = Self.differences(from: old, to: new, sameSamples: earlier.same)
    let shared = Set(old.shards.map(\.sha256)).intersection(new.shards.map(\.sha256)).count
    let intro = HTML.paragraph(
      "Beside \(isolated(lastPart(of: earlier.folder))), generation <code>\(String(old.generation.prefix(16)))…</code>. \(shared) of \(new.shards.count) shards are the same."
    )
    guard !rows.isEmpty else {
      return intro
        + .paragraph("Counts, classes and history are the same; the samples are not, or lie in other shards.")
    }
    let shown = rows.prefix(200).map {
      [isolated($0.what), "\(shortened($0.before, to: 300))", "\(shortened($0.now, to: 300))"] as [HTML]
    }
    return intro + .table("Differences", ["what", "before", "now"], rows: shown)
      + (rows.count > shown.count
        ? .paragraph("\(rows.count - shown.count) further differences are not listed.", class: "note") : .none)
  }

  /// A thing that is different.
  struct Difference: Equatable {
    var what: String
    var before: String
    var now: String
  }

  /// What is different between two manifests, most important first.
  static func differences(from old: Manifest, to new: Manifest, sameSamples: Int?) -> [Difference] {
    var found: [Difference] = []
    func note(_ what: String, _ before: String?, _ now: String?) {
      guard before != now else { return }
      found.append(Difference(what: what, before: before ?? "–", now: now ?? "–"))
    }
    func list(_ names: [String]) -> String {
      names.isEmpty
        ? "–" : names.prefix(20).joined(separator: ", ") + (names.count > 20 ? " and \(names.count - 20) more" : "")
    }
    let (before, now) = (old.provenance.making?.results ?? [:], new.provenance.making?.results ?? [:])
    for key in Set(before.keys).union(now.keys).sorted() {
      let isShare = key.hasSuffix("accuracy")
      func text(_ value: Double?) -> String? { value.map { isShare ? percentText($0) : significant($0) } }
      note(key.replacing("-", with: " "), text(before[key]), text(now[key]))
    }
    note("samples", grouped(old.samples), grouped(new.samples))
    if let sameSamples {
      found.append(
        Difference(what: "samples that are the same", before: "of \(grouped(old.samples))", now: grouped(sameSamples)))
    }
    let (oldNames, newNames) = (Set(old.labelNames), Set(new.labelNames))
    let gone = old.labelNames.filter { !newNames.contains($0) }
    let added = new.labelNames.filter { !oldNames.contains($0) }
    if !gone.isEmpty || !added.isEmpty {
      found.append(Difference(what: "classes", before: list(gone), now: list(added)))
    }
    if gone.isEmpty, added.isEmpty, old.labelNames != new.labelNames {
      found.append(Difference(what: "order of the classes", before: list(old.labelNames), now: list(new.labelNames)))
    }
    let counts = Dictionary(zip(old.labelNames, old.countsPerClass)) { first, _ in first }
    for (label, count) in zip(new.labelNames, new.countsPerClass) {
      guard let had = counts[label], had != count else { continue }
      note("samples of \(label)", grouped(had), grouped(count))
    }
    note("shape", old.shape.map(shapeText), new.shape.map(shapeText))
    note("labels", old.labelKind.rawValue, new.labelKind.rawValue)
    note("formation", old.formation?.size, new.formation?.size)
    note("fields", old.fields.joined(separator: ", "), new.fields.joined(separator: ", "))
    for index in 0..<max(old.provenance.count, new.provenance.count) {
      let (had, has) = (old.provenance.at(index), new.provenance.at(index))
      let step = "step \(index + 1)"
      guard let had, let has, had.verb == has.verb else {
        note(step, had?.verb, has?.verb)
        continue
      }
      for name in Set(had.options.keys).union(has.options.keys).sorted() {
        note("\(step), \(has.verb) --\(name)", had.options[name], has.options[name])
      }
      for role in Set(had.digests.keys).union(has.digests.keys).sorted() {
        note(
          "\(step), \(role)", had.digests[role].map { $0.prefix(16) + "…" },
          has.digests[role].map { $0.prefix(16) + "…" })
      }
      note("\(step), tool", had.tool, has.tool)
    }
    return found
  }
}

extension Array {
  fileprivate func at(_ index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
