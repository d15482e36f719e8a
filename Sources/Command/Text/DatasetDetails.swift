public import Datasets
internal import Shards

extension Reporter {
  /// Says under `--verbose` what is known of a dataset before its first sample: classes, sizes, counts, history.
  public func detail(_ info: DatasetInfo) {
    guard verbose else { return }
    let names = info.classNames.prefix(20).joined(separator: ", ") + (info.classNames.count > 20 ? ", …" : "")
    detail("\(info.name), \(info.split.rawValue) split: \(counted(info.classNames.count, "class")): \(names)")
    let size = info.shape.map { shapeText($0) + " (C×H×W)" }
    detail("\(info.kind.rawValue) of \(size ?? "sizes that differ, or are not known yet")")
    if let sound = info.spectrogram { detail("spectrograms: \(sound.summary)") }
    if let counts = info.countPerClass, let least = counts.min(), let most = counts.max() {
      let each = least == most ? grouped(least) : "\(grouped(least)) to \(grouped(most))"
      detail("\(info.kind.counted(counts.reduce(0, +))), \(each) in a class")
    }
    for step in info.provenance {
      detail("history: \(step.verb) by \(step.tool)\(step.commandOptions.isEmpty ? "" : ": \(step.commandOptions)")")
    }
  }

  /// Says under `--verbose` what a manifest lists: fields, and every shard.
  func detail(_ manifest: Manifest) {
    guard verbose else { return }
    detail("generation \(manifest.generation), fields \(manifest.fields.joined(separator: ", "))")
    for shard in manifest.shards {
      detail(
        "\(shard.name): \(manifest.kind.counted(shard.samples)), \(sizeText(shard.bytes)), keys "
          + "\(shard.firstKey) to \(shard.lastKey)")
    }
  }
}

extension Spectrogram {
  /// What rows and columns are: `8,000 Hz; rows of 63.0 Hz, columns of 16.0 ms`.
  var summary: String {
    "clips of \(grouped(sampleRate)) Hz and \(fixed(clipSeconds, 1)) s; rows of \(fixed(hertzPerRow, 1)) Hz from "
      + "\(fixed(firstHertz, 1)) Hz on, columns of \(fixed(1000 * secondsPerColumn, 1)) ms"
  }
}

extension ProvenanceStep {
  /// Its options as they would be typed, by name: `--ipc 10 --method m3d`.
  var commandOptions: String {
    options.sorted { $0.key < $1.key }.map { $1 == "true" ? "--\($0)" : "--\($0) \($1)" }.joined(separator: " ")
  }
}
