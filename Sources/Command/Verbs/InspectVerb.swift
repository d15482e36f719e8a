internal import Datasets
internal import Shards

let inspectVerb = VerbRunner("inspect") { invocation in
  let path = invocation.arguments.operands[0]
  guard holdsShards(path), !invocation.arguments.given("layout") else { return try await inspectData(invocation) }
  try ReadOptions(layoutOf: invocation.arguments).checkPatterns(for: nil, of: path)
  let manifest = try Manifest(inFolder: path)
  try invocation.output.write(
    invocation.arguments.flag("json") ? printableJSON(Array(manifest.json.utf8)) : summary(manifest, of: path))
  return .ok
}

private func summary(_ manifest: Manifest, of folder: String) -> String {
  var text = "\(folder)\n"
  func line(_ name: String, _ value: String) {
    text += "  \(padded(name, 14))\(value)\n"
  }
  let shape = manifest.shape.map { " of \(shapeText($0))" } ?? ""
  line(
    "dataset",
    "\(manifest.dataset), \(manifest.split.rawValue) split: \(manifest.kind.counted(manifest.samples))\(shape)"
      + " in \(counted(manifest.labelNames.count, "class"))")
  line("format", "\(manifest.format) \(manifest.formatVersion): \(manifest.fields.joined(separator: ", "))")
  line("generation", manifest.generation)
  if manifest.labelKind != .hard { line("soft labels", manifest.labelKind.rawValue) }
  if let range = manifest.observedRange, let legal = manifest.valueRange {
    line("npy values", "\(numbers(range, " to ")); black is \(numbers([legal[0]])), white is \(numbers([legal[1]]))")
  }
  if let sound = manifest.spectrogram {
    line("spectrogram", sound.summary)
    if let range = manifest.observedRange {
      line("npy values", "\(numbers(range, " to ")); \(sound.value), epsilon \(sound.epsilon)")
    }
  }
  if let constants = manifest.normalization {
    line("normalisation", "mean \(numbers(constants.mean)), std \(numbers(constants.std))")
  }
  if let mirror = manifest.mirror {
    line("mirrored", "images \(mirror ? "keep" : "may change") their class when left and right are exchanged")
  }
  if let formation = manifest.formation, formation.factor > 1 {
    let holds =
      switch formation.kind {
      case .uniform: "\(formation.factor) × \(formation.factor) smaller ones"
      case .multi: "\(formation.multiplicity) training images at \(formation.factor) scales"
      case .time: "\(formation.factor) shorter ones along the width"
      }
    line("formation", "each image holds \(holds); cut and enlarge them (\(formation.upsample)) before training")
  }
  if let rate = manifest.learnedLearningRate { line("learning rate", "\(rate), learned") }
  text +=
    "\n"
    + table(
      [["class", "samples"]]
        + zip(manifest.labelNames.indices, manifest.countsPerClass).map {
          ["\($0) \(printable(manifest.labelNames[$0]))", grouped($1)]
        })
  text +=
    "\n"
    + table(
      [["shard", "samples", "size", "sha256"]]
        + manifest.shards.map {
          [$0.name, grouped($0.samples), sizeText($0.bytes), String($0.sha256.prefix(16)) + "…"]
        })
  text += "\n" + wrapped(loaderNote(manifest), 100, indent: 2)
  if !manifest.provenance.isEmpty { text += "\n  history\n" }
  text += history(manifest.provenance, indent: 2)
  return text
}

/// Steps of a history, numbered; those of the parts of a merge below it.
private func history(_ steps: [ProvenanceStep], indent: Int) -> String {
  let space = String(repeating: " ", count: indent)
  var text = ""
  for (index, step) in steps.enumerated() {
    text += "\(space)\(index + 1). \(step.verb), \(step.tool)\n"
    if !step.commandOptions.isEmpty { text += "\(space)   \(step.commandOptions)\n" }
    for (role, digest) in step.digests.sorted(by: { $0.key < $1.key }) { text += "\(space)   \(role) \(digest)\n" }
    if let skipped = step.skipped {
      text += "\(space)   left out \(counted(skipped.count, "bad sample")):\n"
      for sample in skipped.samples { text += "\(space)     \(printable("\(sample.place): \(sample.reason)"))\n" }
      if let rest = skipped.rest { text += "\(space)     \(rest)\n" }
    }
    for (number, part) in (step.parts ?? []).enumerated() where !part.isEmpty {
      text += "\(space)   before that, part \(number + 1) alone:\n" + history(part, indent: indent + 5)
    }
  }
  return text
}

/// Columns as wide as their widest cell; numbers, which is every column between the first and the last, to the right.
func table(_ rows: [[String]]) -> String {
  let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  return rows.map { row in
    let cells = row.indices.map { column in
      let space = String(repeating: " ", count: widths[column] - row[column].count)
      let isNumber = column > 0 && !row[column].hasSuffix("…") && rows[0][column] != "sha256"
      return isNumber ? space + row[column] : row[column] + space
    }
    var line = "  " + cells.joined(separator: "  ")
    while line.hasSuffix(" ") { line.removeLast() }
    return line + "\n"
  }.joined()
}

private func numbers(_ values: [Float], _ separator: String = " ") -> String {
  values.map { value in
    let text = fixed(Double(value), 4)
    let trimmed = text.hasSuffix(".0000") ? String(text.dropLast(5)) : text
    return trimmed
  }.joined(separator: separator)
}

/// How many workers of a data loader can read a dataset at once.
func loaderNote(_ manifest: Manifest) -> String {
  let count = manifest.shards.count
  return
    "\(counted(count, "shard")): webdataset gives each DataLoader worker whole shards, so take num_workers=\(count) at most"
    + (count < manifest.samples ? "; pipe shard --shards N --shuffle 0 makes more" : "")
}

func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(1, width - text.count))
}
