internal import Datasets
internal import Shards

let previewVerb = VerbRunner("preview") { invocation in
  let arguments = invocation.arguments
  let source = try openSamples(
    [Input(path: arguments.operands[0])], options: ReadOptions(), log: { invocation.report.detail($0) })
  if let tiles = source.info.formation?.multiplicity, tiles > 1 {
    invocation.report.log("every stored image holds \(tiles) training images; the sheet shows them as they are stored")
  }
  let side = source.info.shape.flatMap { $0.dropFirst().max() }
  let scale = arguments.integer("scale") ?? side.map { max(1, 64 / max($0, 1)) } ?? 1
  let sheet = try contactSheet(of: source, perClass: arguments.integer("per-class") ?? 10, scale: scale)
  let path = arguments.path("output") ?? "-"
  try await writeOutput(path) { descriptor in
    try write(encodePNG(sheet), to: descriptor, named: path)
  }
  invocation.report.log("drew \(sheet.width)×\(sheet.height) pixels to \(path == "-" ? "the standard output" : path)")
  return .ok
}
