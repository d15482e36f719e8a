import Command
import Stages

/// `pipe decode -m`: latents in, their images out.
///
/// Without a model the front decodes archives.
let decodeLatentsVerb = VerbRunner("decode") { invocation in
  try await passLatents(
    invocation, RenderStage.self, attention: .any,
    meaningless: ["layout", "resize", "center-crop", "classes", "mirror"],
    hint: "give it to the pipe decode that reads the archive")
  return .ok
}
