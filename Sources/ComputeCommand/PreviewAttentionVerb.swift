import Command
import Datasets
import Foundation
import Shards
import Stages

/// `pipe preview --attention`: a contact sheet of images and of where a model's attention looks.
///
/// Without a model the front draws the sheet.
let previewAttentionVerb = VerbRunner("preview") { invocation in
  let arguments = invocation.arguments
  let surroundings = try await Surroundings(invocation)
  let file = try ExpansionModelFile(contentsOf: arguments.path("attention") ?? "")
  let source = try openSamples(
    [Input(path: arguments.operands[0])], options: ReadOptions(), log: { invocation.report.detail($0) })
  let perClass = arguments.integer("per-class") ?? 10
  let pictures = try await AttentionPictures(
    of: source, perClass: perClass, model: file, on: surroundings.computeThread)
  let side = file.description.shape.dropFirst().max() ?? 64
  let sheet = try contactSheet(
    of: pictures, perClass: 2 * perClass, scale: arguments.integer("scale") ?? max(1, 64 / side))
  let path = arguments.path("output") ?? "-"
  try await writeOutput(path) { descriptor in
    try write(encodePNG(sheet), to: descriptor, named: path)
  }
  invocation.report.log("drew \(sheet.width)×\(sheet.height) pixels to \(path == "-" ? "the standard output" : path)")
  return .ok
}
