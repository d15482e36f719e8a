import Command
import Datasets
import Stages

/// `pipe encode`: images in, their latents out.
let encodeVerb = VerbRunner("encode") { invocation in
  if invocation.arguments.given("mirror") {
    throw UsageError(
      "--mirror means nothing beside --model", hint: "what a model makes was decided when it was fitted")
  }
  try await passThroughModel(invocation, EncodeStage.self, options: try ReadOptions(invocation.arguments)) {
    file, info throws(DataError) in try file.check(images: info)
  }
  return .ok
}
