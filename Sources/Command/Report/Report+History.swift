internal import Datasets
internal import Shards

extension Report {
  /// Every step that led here, oldest first.
  var historySection: HTML {
    guard !manifest.provenance.isEmpty else { return .paragraph("The dataset's manifest has no history.") }
    return .paragraph("Oldest step first: a later one works on what the one before it made.")
      + steps(manifest.provenance)
  }

  private func steps(_ history: [ProvenanceStep]) -> HTML {
    let items = history.map { step -> HTML in
      var content: HTML =
        "<p><strong>\(shortened(step.verb, to: 120))</strong> <span class=\"muted\">\(shortened(step.tool, to: 120))</span></p>\n"
      if !step.options.isEmpty {
        let entries = step.options.sorted { $0.key < $1.key }.map { name, value -> HTML in
          "<div><dt>\(shortened(name, to: 120))</dt><dd>\(shortened(value, to: 600))</dd></div>"
        }
        content += "<dl class=\"options\">\(entries)</dl>\n"
      }
      if let results = step.results, !results.isEmpty {
        let entries = results.sorted { $0.key < $1.key }.map { name, value -> HTML in
          let text = name.hasSuffix("accuracy") ? percentText(value) : significant(value)
          return "<div><dt>\(shortened(name, to: 120))</dt><dd>\(text)</dd></div>"
        }
        content += "<p>Measured</p><dl class=\"options\">\(entries)</dl>\n"
      }
      for (role, digest) in step.digests.sorted(by: { $0.key < $1.key }) {
        content += "<p class=\"digest\">\(shortened(role, to: 120)) <code>\(shortened(digest, to: 200))</code></p>\n"
      }
      if let skipped = step.skipped {
        let samples = skipped.samples.map {
          "<li>\(shortened($0.place, to: 300)): \(shortened($0.reason, to: 300))</li>" as HTML
        }
        let rest = skipped.rest.map { "<li>\($0)</li>" as HTML } ?? .none
        content += .details("Left out \(counted(skipped.count, "bad sample"))", "<ul>\(samples)\(rest)</ul>")
      }
      for (index, part) in (step.parts ?? []).enumerated() where !part.isEmpty {
        content += .details("Before that, part \(index + 1) alone", steps(part))
      }
      return "<li>\(content)</li>\n"
    }
    return "<ol class=\"history\">\(items)</ol>\n"
  }

  /// The shards with their digests.
  var filesSection: HTML {
    let most = 200
    let rows = manifest.shards.prefix(most).map { shard -> [HTML] in
      [
        isolated(shard.name), "\(grouped(shard.samples))", "\(sizeText(shard.bytes))",
        "<code title=\"\(shard.sha256)\">\(String(shard.sha256.prefix(16)))…</code>",
      ]
    }
    let rest = manifest.shards.count - rows.count
    return .paragraph(
      "Fields of every sample: <code>\(manifest.fields.joined(separator: ", "))</code>. <code>pipe verify \(typedFolder)</code> checks every byte."
    )
      + .table("Shards", ["shard", "samples", "size", "sha256"], numbers: [1, 2], rows: rows)
      + (rest > 0 ? .paragraph("\(grouped(rest)) further shards are in the manifest.", class: "note") : .none)
  }
}
