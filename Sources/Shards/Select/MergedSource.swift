public import Datasets

/// The samples of several datasets that belong together, one dataset after the other.
///
/// The parts of a run that was made class by class belong together, and so do more samples of the same classes. Every shard is checked
/// as `DatasetReader` does. Memory grows with the number of samples, by about 100 bytes for each.
public final class MergedSource: SampleSource {
  /// Samples with the same content, found while they were read.
  public struct Twins: Sendable, Equatable {
    /// How many there are beyond the first of each.
    public var count = 0
    /// The first two that were found: key and folder of each.
    public var first: [String] = []
  }

  /// The parts' manifests, in order.
  public let parts: [Manifest]
  /// What is true of all samples: counts are added up, and the history ends with this merge.
  public let info: DatasetInfo
  /// Samples with the same content; complete after the last sample.
  public private(set) var twins = Twins()
  private let folders: [String]
  private let limits: Limits
  private let mayShareKeys: Bool
  private var part = 0
  /// Reads the part at hand: of a thousand parts, one is open.
  private var reader: DatasetReader?
  private var keys: [Int: Int] = [:]
  private var contents: [Int: (part: Int, key: String)] = [:]
  private var failure: DataError?

  /// Opens the datasets in these folders.
  ///
  /// All parts of one run whose classes were divided have the history of that run, as if it had been made at once.
  ///
  /// - Parameters:
  ///   - mayShareKeys: whether samples of two parts may have the same key, because all will get other ones.
  ///   - name: of the result; nil for that of the first part.
  ///   - tool, options: what the history says of this step.
  /// - Throws: `DataError`: as `Manifest.init`; `.badInput` where two do not belong together, with the first difference, and where parts of
  ///   a run are missing or are there twice.
  public init(
    _ folders: [String], mayShareKeys: Bool, name: String? = nil, tool: String, options: [String: String],
    limits: Limits = Limits()
  ) throws(DataError) {
    precondition(!folders.isEmpty, "there is something to merge")
    (self.folders, self.limits, self.mayShareKeys) = (folders, limits, mayShareKeys)
    var manifests: [Manifest] = []
    for folder in folders { manifests.append(try Manifest(inFolder: folder)) }
    parts = manifests
    for (index, manifest) in manifests.enumerated() {
      if let difference = PartDifference(manifests[0], manifest) {
        throw DataError(
          .badInput, at: [folders[index]],
          "does not belong to \(folders[0]): \(difference.what) is \(difference.other), and there \(difference.first)",
          remedy: "merge only parts of one dataset")
      }
      if let twin = manifests[..<index].firstIndex(where: { $0.generation == manifest.generation }) {
        throw DataError(
          .badInput, at: [folders[index]], "is the same dataset as \(folders[twin]), generation \(manifest.generation)",
          remedy: "name every part once")
      }
    }
    let histories = manifests.map(\.provenance)
    let run = try PartitionedRun(histories, in: folders)
    try checkModels(manifests, histories, folders)
    var info = manifests[0].info
    if let name { info.name = name }
    info.countPerClass = manifests.dropFirst().reduce(manifests[0].countsPerClass) { zip($0, $1.countsPerClass).map(+) }
    if let run, run.isUntouched, name == nil, options["order"] == nil {
      info.provenance = run.history
    } else {
      info.provenance = mergedHistory(
        histories, generations: manifests.map(\.generation), tool: tool, options: options)
    }
    self.info = info
  }

  /// Whether the samples of every part come from condensing or expanding, which write class by class.
  public var areMade: Bool {
    parts.allSatisfy { $0.provenance.contains(where: \.isMaking) }
  }

  /// The fields of the parts' samples, for `ShardOptions`: those that were left out when they were written stay out.
  ///
  /// Nil for all, where images are PNG files in some samples and JPEG files in others.
  public var fields: Set<String>? {
    let names = Set(parts.flatMap(\.fields))
    return names.contains(Manifest.eitherImage) || names.isSuperset(of: SampleFields.imageNames) ? nil : names
  }

  /// The next sample; see `SampleSource`.
  ///
  /// - Throws: `DataError`: as `DatasetReader.next`, or `.badInput` for a key that an earlier sample has.
  public func next() throws(DataError) -> Sample? {
    guard let record = try nextRecord() else { return nil }
    do throws(DataError) {
      return try Sample(record, classCount: info.classNames.count)
    } catch {
      throw error.at(place)
    }
  }

  /// The next sample, whose fields are still to be read; see `SampleSource`.
  ///
  /// - Throws: as `next`.
  public func nextPending() throws(DataError) -> PendingSample? {
    guard let record = try nextRecord() else { return nil }
    return PendingSample(record, classCount: info.classNames.count, place: place)
  }

  private func nextRecord() throws(DataError) -> Record? {
    if let failure { throw failure }
    do throws(DataError) {
      while part < parts.count {
        if let record = try opened().nextRecord() {
          try note(record)
          return record
        }
        reader = nil
        part += 1
      }
      return nil
    } catch {
      failure = error
      throw error
    }
  }

  private var place: String { reader?.place ?? folders[min(part, folders.count - 1)] }

  /// The reader of the part at hand, which is still the dataset that was compared with the others.
  private func opened() throws(DataError) -> DatasetReader {
    if let reader { return reader }
    let opened = try DatasetReader(folders[part], limits: limits)
    if let replaced = parts[part].replacement(by: opened.manifest, inFolder: folders[part]) { throw replaced }
    reader = opened
    return opened
  }

  /// Refuses a key that was there before, and counts contents that were.
  private func note(_ record: Record) throws(DataError) {
    if !mayShareKeys {
      let hash = record.key.hashValue
      if let other = keys[hash] {
        let isOwn = other == part
        throw DataError(
          .badInput, at: [place, record.key],
          "is the key of two samples" + (isOwn ? "" : ": one in \(folders[other]), one in \(folders[part])"),
          remedy: isOwn ? "see what pipe verify says" : "give all samples new keys with --renumber")
      }
      keys[hash] = part
    }
    // 64 bits stand for the content, seeded anew in each process and never written anywhere.
    var hasher = Hasher()
    for field in record.fields where field.name != "json" {
      hasher.combine(field.name)
      field.bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
    let digest = hasher.finalize()
    guard let before = contents[digest] else {
      contents[digest] = (part, record.key)
      return
    }
    twins.count += 1
    if twins.first.isEmpty {
      twins.first = [(before.part, before.key), (part, record.key)].map { "\($0.1) of \(folders[$0.0])" }
    }
  }
}

/// Refuses latents that different steps made of their images: what made the first of them says nothing of the others.
private func checkModels(
  _ manifests: [Manifest], _ histories: [[ProvenanceStep]], _ folders: [String]
) throws(DataError) {
  guard manifests[0].kind == .latents else { return }
  let common = commonPrefix(of: histories)
  for (history, folder) in zip(histories, folders) {
    guard let step = history[common...].first(where: { $0.digests["model"] != nil }) else { continue }
    throw DataError(
      .badInput, at: [folder],
      "holds latents that its own run of pipe \(step.verb) made, so that one model and one history cannot be told of all",
      remedy: "merge the images: put each part through pipe decode --model first")
  }
}

/// How many steps all histories begin with.
private func commonPrefix(of histories: [[ProvenanceStep]]) -> Int {
  let shortest = histories.map(\.count).min() ?? 0
  return (0..<shortest).first { index in histories.contains { $0[index] != histories[0][index] } } ?? shortest
}

/// What all parts have in common, once; then this step, with what each part has beyond it.
private func mergedHistory(
  _ histories: [[ProvenanceStep]], generations: [String], tool: String, options: [String: String]
) -> [ProvenanceStep] {
  let common = commonPrefix(of: histories)
  var step = ProvenanceStep(verb: "merge", tool: tool, options: options)
  for (index, generation) in generations.enumerated() { step.digests["part.\(index + 1)"] = generation }
  let rest = histories.map { Array($0[common...]) }
  if rest.contains(where: { !$0.isEmpty }) { step.parts = rest }
  return histories[0][..<common] + [step]
}

extension ProvenanceStep {
  /// Whether it, or all that it merged, made new samples.
  public var isMaking: Bool {
    verb == "condense" || verb == "expand" || parts?.allSatisfy { $0.contains(where: \.isMaking) } ?? false
  }
}
