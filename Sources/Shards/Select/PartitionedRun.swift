internal import Datasets

/// A run whose classes were divided among machines, see `Partition`, as the datasets that are merged tell of it.
struct PartitionedRun {
  /// The history that one run over all classes has.
  let history: [ProvenanceStep]
  /// Whether nothing was done to any part after it was made, so that all of them together are what one run makes.
  let isUntouched: Bool

  /// Recognises the parts of one run by their histories; nil where none is a part.
  ///
  /// - Throws: `DataError` (`.badInput`) where parts are missing, are there twice, or are of different runs.
  init?(_ histories: [[ProvenanceStep]], in folders: [String]) throws(DataError) {
    let marks = histories.map { history in history.lastIndex { $0.partition != nil } }
    guard let known = marks.firstIndex(where: { $0 != nil }) else { return nil }
    func refuse(_ folder: String, _ problem: String, _ remedy: String) -> DataError {
      DataError(.badInput, at: [folder], problem, remedy: remedy)
    }
    var first: (mark: Int, partition: Partition, folder: String)?
    var seen: [Int: String] = [:]
    var run: [ProvenanceStep] = []
    for ((history, mark), folder) in zip(zip(histories, marks), folders) {
      guard let mark, let partition = history[mark].partition else {
        throw refuse(
          folder, "is no part of a run, and \(folders[known]) is part of one",
          "merge the parts of the run first, and then the result with others")
      }
      var own = Array(history[...mark])
      own[mark].options["partition"] = nil
      // Which classes an earlier run had made is each part's own.
      own[mark].reused = nil
      if let first {
        guard partition.parts == first.partition.parts else {
          throw refuse(
            folder, "is part \(partition.text) of a run, and \(first.folder) part \(first.partition.text) of one",
            "merge parts of one division")
        }
        if let difference = difference(own, run) {
          throw refuse(
            folder, "is a part of another run than \(first.folder): \(difference)",
            "make all parts with the same program, options and input")
        }
      } else {
        (first, run) = ((mark, partition, folder), own)
      }
      if let twin = seen[partition.part] {
        throw refuse(folder, "is part \(partition.text) of the run, and so is \(twin)", "leave one of them out")
      }
      seen[partition.part] = folder
    }
    guard let first else { return nil }
    let parts = first.partition.parts
    let missing = (1...parts).filter { seen[$0] == nil }
    if let absent = missing.first {
      let names = missing.prefix(8).map { "\($0)/\(parts)" }.joined(separator: ", ") + (missing.count > 8 ? ", …" : "")
      throw refuse(
        first.folder,
        "is part \(first.partition.text) of a run, of which \(counted(missing.count, "part")) \(missing.count == 1 ? "is" : "are") missing: \(names)",
        "name the folder of every part; make what is missing with --partition \(absent)/\(parts)")
    }
    let reused = zip(histories, marks).compactMap { history, mark in mark.map { history[$0] } }
      .sorted { ($0.partition?.part ?? 0) < ($1.partition?.part ?? 0) }.flatMap { $0.reused ?? [] }
    if !reused.isEmpty { run[first.mark].reused = reused }
    history = run
    isUntouched = zip(histories, marks).allSatisfy { $0.count - 1 == $1 }
  }
}

/// The first difference of two histories, as a clause; nil where there is none.
private func difference(_ own: [ProvenanceStep], _ other: [ProvenanceStep]) -> String? {
  guard own.map(\.verb) == other.map(\.verb) else { return "its history has other steps" }
  for (step, before) in zip(own, other) where step != before {
    for name in Set(step.options.keys).union(before.options.keys).sorted()
    where step.options[name] != before.options[name] {
      let (has, had) = (step.options[name], before.options[name])
      return "--\(name) of its step \(step.verb) is \(has ?? "not given"), and there \(had ?? "not given")"
    }
    if step.digests != before.digests {
      let role = Set(step.digests.keys).union(before.digests.keys).sorted().first {
        step.digests[$0] != before.digests[$0]
      }
      return "its step \(step.verb) had another \(role ?? "input")"
    }
    if step.tool != before.tool { return "its step \(step.verb) is by \(step.tool), and there by \(before.tool)" }
    return "its step \(step.verb) found other things"
  }
  return nil
}

extension ProvenanceStep {
  /// The part of the classes that it made; nil where it made all.
  var partition: Partition? { verb == "condense" ? options["partition"].flatMap(Partition.init) : nil }
}
