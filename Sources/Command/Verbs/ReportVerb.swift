internal import Catalog
internal import Datasets
internal import Shards
internal import Streaming

let reportVerb = VerbRunner("report") { invocation in
  let arguments = invocation.arguments
  let folder = arguments.operands[0]
  let reader = try DatasetReader(folder)
  var report = Report(folder: folder, manifest: reader.manifest)
  try checkFormation(reader.manifest, at: folder)
  report.date = arguments.text("date")
  for file in arguments.paths("evaluation") {
    report.evaluations.append(.init(file: lastPart(of: file), result: try evaluation(in: file, of: reader.manifest)))
  }
  report.explanation = try arguments.path("explanation").map { try explanation(in: $0, of: reader.manifest) }
  if arguments.given("log") {
    var log = ProgressLog()
    for path in arguments.paths("log") { try log.read(path, of: folder) }
    report.log = log
  }
  let earlier = try arguments.path("previous").map { try DatasetReader($0) }
  if let earlier {
    report.earlier = .init(folder: arguments.path("previous") ?? "", manifest: earlier.manifest)
  }
  try collect(reader, earlier, into: &report, invocation)
  try Task.checkCancellation()
  let path = arguments.path("output") ?? "-"
  let bytes = Array(report.page.source.utf8)
  try await writeOutput(path) { descriptor in try write(bytes, to: descriptor, named: path) }
  invocation.report.log("wrote a page of \(sizeText(bytes.count)) to \(path == "-" ? "the standard output" : path)")
  return .ok
}

/// Reads the dataset, the one before it and the real data once each, and keeps what the page shows of them.
private func collect(
  _ reader: DatasetReader, _ earlier: DatasetReader?, into report: inout Report, _ invocation: Invocation
) throws {
  let arguments = invocation.arguments
  let manifest = reader.manifest
  var digests = SampleDigests()
  func reading(_ stage: String, _ source: any SampleSource, _ each: @escaping (Sample) throws -> Void = { _ in }) -> (
    Sample
  ) throws -> Void {
    let total = source.info.countPerClass?.reduce(0, +)
    var done = 0
    return { sample in
      done += 1
      try each(sample)
      if done.isMultiple(of: 64) || done == total {
        try Task.checkCancellation()
        invocation.report.progress(.init(stage: stage, done: done, total: total, unit: "samples"))
      }
    }
  }
  guard manifest.kind == .samples else {
    if arguments.given("real") {
      invocation.report.log("\(report.folder): latents have no pictures; --real is not read")
    }
    return
  }
  let showsEarlier = earlier.map { $0.manifest.kind == .samples } ?? false
  let plan = SheetPlan(
    classCount: manifest.labelNames.count, kinds: 1 + (arguments.given("real") ? 1 : 0) + (showsEarlier ? 1 : 0),
    shape: manifest.shape, isColoured: manifest.spectrogram != nil, perClass: arguments.integer("per-class") ?? 10)
  let wanted = plan.wanted(classCount: manifest.labelNames.count)
  let chosen = report.explanation.map { chosenImages($0, of: plan, manifest) } ?? []
  let limits = Limits()
  let tiles = manifest.formation?.multiplicity ?? 1
  let keys = Set(chosen.map(\.key))
  var found: [String: Sample] = [:]
  var example: (stored: Thumbnail, tiles: [Thumbnail])?
  func thumbnail(_ sample: Sample, tile: Int? = nil) throws(DataError) -> Thumbnail {
    try Thumbnail(
      sample, isSpectrogram: manifest.spectrogram != nil, side: plan.side,
      tile: tile.flatMap { tile in manifest.formation.map { (tile, $0) } }, limits: limits)
  }
  let own = try ClassPictures(
    of: reader, classNames: manifest.labelNames, wanted: wanted, side: plan.side,
    each: reading("read", reader) { sample in
      if earlier != nil { digests.note(sample) }
      if keys.contains(sample.key) { found[sample.key] = sample }
      if tiles > 1, example == nil {
        let shown = thinned(Array(0..<min(tiles, 10_000)), to: 9)
        example = (try thumbnail(sample), try shown.map { try thumbnail(sample, tile: $0) })
      }
    })
  var sheets = Report.Sheets(plan: plan, own: own, example: example)
  for image in chosen {
    guard let sample = found[image.key] else {
      throw DataError(
        .badInput, at: [arguments.path("explanation") ?? ""], "is about another dataset: it names \(image.key)",
        remedy: "make it again with pipe explain \(report.folder) --json")
    }
    sheets.explained.append((image, try thumbnail(sample, tile: tiles > 1 ? image.tile : nil)))
  }
  if let earlier, showsEarlier {
    sheets.earlier = try ClassPictures(
      of: earlier, classNames: manifest.labelNames, wanted: wanted, side: plan.side,
      each: reading("previous", earlier) { digests.compare($0) })
    report.earlier?.same = digests.same
  }
  if arguments.given("real") {
    let source = try realData(of: manifest, invocation)
    let names = Set(chosen.flatMap { $0.nearest.prefix(Report.shownNeighbours).map(\.source) })
    let pictures = try ClassPictures(
      of: source, classNames: manifest.labelNames, wanted: wanted, picking: names, side: plan.side,
      each: reading("real", source))
    guard pictures.counts.contains(where: { $0 > 0 }) else {
      throw DataError(
        .badInput, at: [source.info.name], "has none of the dataset's classes",
        remedy: "give --real the data that it was made from")
    }
    sheets.real = (source.info.name, pictures)
  }
  sheets.range = sheets.span
  report.sheets = sheets
}

extension Report.Sheets {
  /// The smallest and the largest value of all spectrograms that are shown.
  fileprivate var span: ClosedRange<Float> {
    var shown = own.pictures.flatMap(\.self) + explained.map(\.picture)
    if let real { shown += real.pictures.pictures.flatMap(\.self) + real.pictures.picked.values }
    if let earlier { shown += earlier.pictures.flatMap(\.self) }
    let spans = shown.compactMap(\.span)
    let low = spans.map(\.lowerBound).min() ?? 0
    return low...(spans.map(\.upperBound).max() ?? low)
  }
}

/// The images of an explanation whose neighbours are shown: two of each class that is shown, as many as stay small.
private func chosenImages(_ explanation: Explanation, of plan: SheetPlan, _ manifest: Manifest) -> [Explanation.Image] {
  let shown = Set(plan.classes.map { manifest.labelNames[$0] })
  var taken: [String: Int] = [:]
  let images = explanation.images.filter { image in
    guard shown.contains(image.className), taken[image.className, default: 0] < 2 else { return false }
    taken[image.className, default: 0] += 1
    return true
  }
  return thinned(images, to: plan.rows(ofPictures: 1 + Report.shownNeighbours))
}

/// Opens the real data, read as the dataset's history says, unless it is typed otherwise.
private func realData(of manifest: Manifest, _ invocation: Invocation) throws -> any SampleSource {
  let arguments = invocation.arguments
  var options = try ReadOptions(arguments)
  let names = Set(arguments.verb.groups.first { $0.title == "Reading" }?.options.map(\.name) ?? [])
  let recorded = manifest.provenance.readingOptions.filter { names.contains($0.key) && !arguments.given($0.key) }
  if !recorded.isEmpty {
    let typed = arguments.typedOptions(under: "Reading")
    let words = recorded.merging(typed) { _, typed in typed }.sorted { $0.key < $1.key }.map { name, value in
      arguments.verb.option(name)?.kind == .flag ? "--\(name)" : "--\(name)=\(value)"
    }
    // A history may be of another version, or wrong; then what is typed counts alone.
    if let all = try? Arguments(["dataset", "--output=page", "--real=data"] + words, for: arguments.verb),
      let read = try? ReadOptions(all)
    {
      options = read
      let said = recorded.sorted { $0.key < $1.key }.map { "--\($0) \($1)" }.joined(separator: " ")
      invocation.report.log("the real data are read as the dataset's history says: \(said)")
    }
  }
  options.split = .train
  let source = try openSamples(
    arguments.paths("real").map(Input.init(path:)), options: options, log: { invocation.report.log($0) })
  invocation.report.detail(source.info)
  guard source.info.kind == .samples, (source.info.spectrogram == nil) == (manifest.spectrogram == nil) else {
    throw DataError(
      .badInput, at: [source.info.name],
      "holds other things than the dataset, whose samples are \(manifest.spectrogram == nil ? "images" : "spectrograms")",
      remedy: "give --real the data that it was made from")
  }
  return source
}

extension [ProvenanceStep] {
  /// The options of all steps, later ones first; of parts that were merged, those in which all agree.
  fileprivate var readingOptions: [String: String] {
    reduce(into: [:]) { options, step in
      options.merge(step.options) { $1 }
      let parts = (step.parts ?? []).map(\.readingOptions)
      let common = parts.first?.filter { name, value in parts.allSatisfy { $0[name] == value } }
      options.merge(common ?? [:]) { $1 }
    }
  }
}

/// Which samples of two datasets are the same, by key and content; nothing for more than a million.
private struct SampleDigests {
  private static let most = 1_000_000
  private var found: [String: Int] = [:]
  private var count = 0
  /// Samples that were the same so far; nil where there are too many to tell.
  var same: Int? { found.count < Self.most ? count : nil }

  mutating func note(_ sample: Sample) {
    if found.count < Self.most { found[sample.key] = Self.digest(sample) }
  }

  mutating func compare(_ sample: Sample) {
    if found[sample.key] == Self.digest(sample) { count += 1 }
  }

  /// Equal for equal samples within one run, and next to never for others.
  private static func digest(_ sample: Sample) -> Int {
    var hasher = Hasher()
    hasher.combine(sample.label)
    hasher.combine(sample.softLabel)
    switch sample.content {
    case .pixels(let pixels): hasher.combine(pixels.bytes)
    case .encoded(let image): hasher.combine(image.bytes)
    case .floats(let array): array.values.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
    return hasher.finalize()
  }
}
