internal import Datasets
internal import Shards
internal import Streaming

/// Looks at every sample of raw data, before anything is made of it.
func inspectData(_ invocation: Invocation) async throws -> ExitStatus {
  let path = invocation.arguments.operands[0]
  let parts = try openForInspection([Input(path: path)], options: try ReadOptions(layoutOf: invocation.arguments))
  for part in parts {
    let stages = pipeline {
      Parallel<[PendingSample], Int>("inspect", lanes: processors) { chunk in
        for sample in chunk { _ = try sample.finished() }
        return chunk.count
      }
      Counted<Int>(
        as: "inspect \(part.info.split.rawValue)", total: part.info.countPerClass?.reduce(0, +), units: { $0 },
        progress: invocation.report.progressHandler)
    }
    _ = try await stages.run(from: chunks(of: part, stage: "inspect"), into: Collected<Int>())
  }
  let report = DataReport(path: path, parts: parts, duplicates: Duplicates(parts))
  try invocation.output.write(
    invocation.arguments.flag("json") ? report.json.rendered(indented: true) + "\n" : report.text)
  return .ok
}

/// What `pipe inspect` says of raw data.
struct DataReport {
  let path: String
  let parts: [InspectedPart]
  let duplicates: Duplicates

  /// Duplicates that are shown.
  static let shownGroups = 20

  /// Everything that a careful person looks at before using the data.
  var warnings: [String] {
    var warnings = unique(parts.flatMap(\.doubts))
    let across = duplicates.groups.count(where: \.crossSplits)
    if across > 0 {
      warnings.append("\(grouped(across)) \(across == 1 ? "image is" : "images are") both in train and in test")
    }
    let differing = duplicates.groups.count(where: \.differInClass)
    if differing > 0 {
      warnings.append("\(grouped(differing)) \(differing == 1 ? "image has" : "images have") several classes")
    }
    for part in parts {
      let split = part.isPart ? " in \(part.info.split.rawValue)" : ""
      if let bad = part.inspection.bad { warnings.append("\(counted(bad.count, "sample"))\(split) cannot be read") }
      let empty = zip(part.info.classNames, part.inspection.countPerClass).filter { $1 == 0 }.map(\.0)
      if !empty.isEmpty {
        let names = empty.prefix(10).joined(separator: ", ") + (empty.count > 10 ? ", …" : "")
        warnings.append("\(empty.count == 1 ? "a class" : "classes") without samples\(split): \(names)")
      }
    }
    return warnings
  }

  /// What else is remarkable.
  var notes: [String] {
    unique(parts.flatMap(\.notes))
      + (parts.allSatisfy(\.isPart) ? [] : ["it has no train and test splits; all of it is read as one"])
  }

  private func unique(_ lines: [String]) -> [String] {
    var seen: Set<String> = []
    return lines.filter { seen.insert($0).inserted }
  }

  /// Class names in index order; those of all splits are the same.
  private var classNames: [String] { parts.map(\.info.classNames).max { $0.count < $1.count } ?? [] }

  // MARK: For people

  var text: String {
    var text = "\(path)\n"
    func line(_ name: String, _ value: String) { text += printable("  \(padded(name, 14))\(value)") + "\n" }
    if let first = parts.first { line("layout", "\(first.layout): \(first.reason)") }
    if let known = parts.first?.parts, !known.isEmpty {
      line("parts", known.map { "\($0.name) \(grouped($0.count))" }.joined(separator: ", "))
    }
    for part in parts {
      let inspection = part.inspection
      let name = part.isPart ? part.info.split.rawValue : "samples"
      line(
        name,
        "\(grouped(inspection.countPerClass.reduce(0, +))) in \(part.info.classNames.count == 1 ? "1 class" : "\(grouped(part.info.classNames.count)) classes"): "
          + inspection.kinds.map { "\(grouped($1)) \($0)" }.joined(separator: ", "))
      line("", sizes(inspection.sizes))
      let turned = inspection.orientations
      if !turned.isEmpty {
        let list = turned.map { "\(grouped($0.count)) of EXIF orientation \($0.orientation)" }.joined(separator: ", ")
        line("", "\(list); --exif-rotate turns them upright")
      }
    }
    let groups = duplicates.groups
    line(
      "duplicates",
      groups.isEmpty
        ? "none" : "\(counted(groups.count, "content")) that \(groups.count == 1 ? "is" : "are") there more than once")
    text += "\n" + table([["class"] + parts.map { $0.isPart ? $0.info.split.rawValue : "samples" }] + rows)
    text += section("warnings", warnings)
    text += section("notes", notes)
    text += section("duplicates", groups.prefix(Self.shownGroups).map(shown) + rest(groups.count, Self.shownGroups))
    let bad = parts.compactMap(\.inspection.bad)
    text += section(
      "bad samples",
      bad.flatMap { list in list.samples.map { "\($0.place): \($0.reason)" } + [list.rest].compactMap(\.self) })
    return text
  }

  private var rows: [[String]] {
    classNames.enumerated().map { index, name in
      [printable("\(index) \(name)")]
        + parts.map { part in
          let counts = part.inspection.countPerClass
          return index < counts.count ? grouped(counts[index]) : "0"
        }
    }
  }

  private func sizes(_ sizes: [(size: Inspection.Size, count: Int)]) -> String {
    guard let first = sizes.first, let last = sizes.last else { return "no images" }
    func name(_ size: Inspection.Size) -> String { "\(size.height)×\(size.width)" }
    guard sizes.count > 1, let usual = sizes.max(by: { $0.count < $1.count }) else {
      return "all of \(name(first.size)) (H×W)"
    }
    return
      "\(grouped(sizes.count)) sizes (H×W) from \(name(first.size)) to \(name(last.size)); most, \(grouped(usual.count)), are \(name(usual.size))"
  }

  private func section(_ title: String, _ lines: [String]) -> String {
    lines.isEmpty ? "" : "\n  \(title)\n" + lines.map { "  - \(printable($0))\n" }.joined()
  }

  private func rest(_ count: Int, _ shown: Int) -> [String] {
    count > shown ? ["and \(grouped(count - shown)) more; --json lists all"] : []
  }

  private func shown(_ group: Duplicates.Group) -> String {
    let several = parts.count > 1
    return group.samples.map { sample in
      "\(sample.place) (\(several ? "\(sample.split.rawValue), " : "")\(sample.className))"
    }.joined(separator: " = ")
  }

  // MARK: For programs

  var json: JSONText {
    .object([
      ("path", .string(path)), ("layout", .string(parts.first?.layout ?? "")),
      ("layout_reason", .string(parts.first?.reason ?? "")), ("classes", .array(classNames.map(JSONText.string))),
      ("parts", .object((parts.first?.parts ?? []).map { ($0.name, .integer($0.count)) })),
      ("splits", .array(parts.map(split))),
      (
        "duplicates",
        .array(
          duplicates.groups.map { group in
            .object([
              ("cross_splits", .bool(group.crossSplits)), ("differ_in_class", .bool(group.differInClass)),
              (
                "samples",
                .array(
                  group.samples.map {
                    .object([
                      ("split", .string($0.split.rawValue)), ("class", .string($0.className)),
                      ("place", .string($0.place)),
                    ])
                  })
              ),
            ])
          })
      ),
      ("warnings", .array(warnings.map(JSONText.string))), ("notes", .array(notes.map(JSONText.string))),
    ])
  }

  private func split(_ part: InspectedPart) -> JSONText {
    let inspection = part.inspection
    let bad = inspection.bad
    return .object([
      ("split", part.isPart ? .string(part.info.split.rawValue) : .null),
      ("samples", .integer(inspection.countPerClass.reduce(0, +))),
      ("count_per_class", .array(inspection.countPerClass.map(JSONText.integer))),
      ("kinds", .object(inspection.kinds.map { ($0.kind, .integer($0.count)) })),
      (
        "sizes",
        .array(
          inspection.sizes.map {
            .object([
              ("height", .integer($0.size.height)), ("width", .integer($0.size.width)), ("count", .integer($0.count)),
            ])
          })
      ),
      ("orientations", .object(inspection.orientations.map { (String($0.orientation), .integer($0.count)) })),
      ("bad_count", .integer(bad?.count ?? 0)),
      ("bad_samples", .array((bad?.samples ?? []).map { .object($0.members) })),
    ])
  }
}
