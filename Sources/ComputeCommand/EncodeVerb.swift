import Command
import Datasets
import Stages

/// `pipe encode`: images in, their latents out.
let encodeVerb = VerbRunner("encode") { invocation in
  try await passThroughModel(invocation, EncodeStage.self, options: try ReadOptions(invocation.arguments)) {
    file, info throws(DataError) in try file.check(images: info)
  }
  return .ok
}
