internal import Datasets

/// What the samples of shards say when they are read one after the other without a manifest.
struct DatasetContents {
  private let limits: Limits
  private var shards: [Manifest.Shard] = []
  private var fields: [String]?
  private var imageNames: Set<String> = []
  private var counts: [Int] = []
  /// Values in every soft label.
  private var softCount: Int?
  /// Whether every soft label so far is a list of probabilities.
  private var areProbabilities = true
  private var shape: [Int]?
  private var haveOneShape = true
  private var range: ClosedRange<Float>?
  private var keys: Set<String> = []
  private var samples = 0

  init(limits: Limits) {
    self.limits = limits
  }

  /// Reads a shard to its end and decodes everything in it; its SHA-256.
  ///
  /// - Throws: `DataError` (`.badInput`, `.io`): what is wrong with it, whatever the manifest said.
  mutating func read(_ name: String, in folder: String) throws(DataError) -> String {
    let reader = try ShardReader(folder: folder, unlisted: name, limits: limits)
    while let record = try reader.next() { try add(record) }
    let shard = reader.found
    guard shard.samples > 0 else { throw DataError(.badInput, at: [name], "is empty") }
    shards.append(shard)
    return shard.sha256
  }

  private mutating func add(_ record: Record) throws(DataError) {
    guard keys.insert(record.key).inserted else {
      throw DataError(.badInput, at: [record.key], "is the key of two samples")
    }
    var names = record.fields.map(\.name)
    if let image = names.first, SampleFields.imageNames.contains(image) {
      imageNames.insert(image)
      names[0] = Manifest.eitherImage
    }
    guard fields == nil || fields == names else {
      throw DataError(.badInput, at: [record.key], "has other fields than the samples before")
    }
    fields = names
    // Class indices have at most nine digits; how many there are is not known here.
    let label = try record.label(classCount: 1_000_000_000)
    guard label < 1_000_000 else {
      throw DataError(.badInput, at: [record.key], "is of class \(label), which is not credible")
    }
    if counts.count <= label { counts += Array(repeating: 0, count: label + 1 - counts.count) }
    counts[label] += 1
    if let bytes = record["soft.npy"] { try add(softLabel: parseNPY(bytes), of: record.key) }
    let sample = try Sample(record, classCount: max(softCount ?? 0, counts.count))
    if case .floats(let array) = sample.content {
      if let view = record["png"], try !sample.isShown(by: view, limits: limits) {
        throw DataError(.badInput, at: [record.key], "shows something else in png than in npy")
      }
      guard array.isFinite else { throw DataError(.badInput, at: [record.key], "holds values that are not finite") }
      note(array.shape)
      for value in array.values {
        range = range.map { min($0.lowerBound, value)...max($0.upperBound, value) } ?? value...value
      }
    } else {
      let pixels = try sample.pixels(limits: limits)
      note([pixels.channels, pixels.height, pixels.width])
    }
    samples += 1
  }

  private mutating func add(softLabel soft: FloatArray, of key: String) throws(DataError) {
    guard soft.shape.count == 1, softCount ?? soft.shape[0] == soft.shape[0] else {
      throw DataError(.badInput, at: [key, "soft.npy"], "has shape \(soft.shape), and others have another")
    }
    do throws(DataError) { try checkSoftLabel(soft.values, .logit) } catch { throw error.at(key) }
    softCount = soft.shape[0]
    if !Datasets.areProbabilities(soft.values) { areProbabilities = false }
  }

  private mutating func note(_ found: [Int]) {
    if samples == 0 { shape = found }
    // A grey JPEG among colour ones decodes to one channel.
    guard let known = shape, known != found else { return }
    if known.count == 3, found.count == 3, known.dropFirst() == found.dropFirst() {
      shape?[0] = 3
    } else {
      haveOneShape = false
    }
  }

  /// The manifest of what was read, with what is known beside it.
  func manifest(of first: ShardName, knowing facts: KnownFacts, isListed: Bool, tool: String) -> FolderScan.Outcome {
    func note(_ text: String) -> RepairReport.Note { RepairReport.Note(file: Manifest.fileName, text: text) }
    guard var names = fields else { return .impossible([note("cannot be rebuilt from nothing")]) }
    if names.first == Manifest.eitherImage, imageNames.count == 1, let only = imageNames.first { names[0] = only }
    if names.contains("latent.npy") {
      return .impossible([note("cannot be rebuilt: the shards hold latents, and do not tell which model made them")])
    }
    if names.contains("npy"), !names.contains("png") {
      return .impossible([
        note(
          "cannot be rebuilt: the shards hold arrays without images beside them, and do not tell whether these are pixels or spectrograms"
        )
      ])
    }
    guard let formation = facts.formation else {
      return .impossible([
        note(
          "cannot be rebuilt from the shards alone: they do not tell whether each image holds several training images. "
            + "Look with pipe preview or an image viewer, and say --formation none, or uniform=2 and so on")
      ])
    }
    let count = max(counts.count, softCount ?? 0)
    guard facts.classNames.isEmpty || facts.classNames.count >= count, softCount == nil || softCount == count,
      softCount == nil || facts.classNames.isEmpty || facts.classNames.count == softCount
    else {
      return .impossible([
        note(
          "cannot be rebuilt with \(counted(facts.classNames.count, "class name")): the samples are of \(counted(count, "class"))"
        )
      ])
    }
    if let formation, let shape, haveOneShape,
      (try? formation.check(against: shape, at: [])) == nil
    {
      return .impossible([note("cannot be rebuilt so: \(formation.size) do not fit images of \(shapeText(shape))")])
    }
    let classNames = facts.classNames.isEmpty ? (0..<count).map(String.init) : facts.classNames
    var unknown: [(fact: String, text: String)] = [
      ("history", "how the dataset was made is not known any more"),
      ("normalization", "mean and standard deviation are not known any more: compute them, or train without"),
      ("learned_learning_rate", "whether a learning rate was learned with the images is not known any more"),
      (
        "mirror",
        "whether images keep their class when left and right are exchanged is not known any more; --mirror says it"
      ),
      ("dataset", "the name of the data is taken from the shards: \(first.prefix)"),
    ]
    if facts.classNames.isEmpty {
      unknown.append(
        ("label_names", "names of classes are not known any more, and are numbers now; --class-names sets them"))
    }
    if !isListed {
      unknown.append(
        (
          "shards",
          "whether there were more shards after the last one cannot be told, nor whether their bytes are the first ones"
        ))
    }
    if softCount != nil {
      unknown.append(
        (
          "label_kind",
          "soft labels are taken for \(areProbabilities ? "probabilities: all add up to 1" : "logits: some do not add up to 1")"
        ))
    }
    let step = ProvenanceStep(
      verb: "repair", tool: tool, options: ["unknown": unknown.map(\.fact).sorted().joined(separator: " ")])
    let info = DatasetInfo(
      name: first.prefix, split: first.split, classNames: classNames, shape: haveOneShape ? shape : nil,
      formation: formation, labelKind: softCount == nil ? .hard : areProbabilities ? .probability : .logit,
      provenance: [step])
    let manifest = Manifest(
      info: info, fields: names, counts: counts + Array(repeating: 0, count: classNames.count - counts.count),
      observedRange: range.map { [$0.lowerBound, $0.upperBound] }, shards: shards)
    return .rebuilt(manifest, unknown.map { note($0.text) })
  }
}
