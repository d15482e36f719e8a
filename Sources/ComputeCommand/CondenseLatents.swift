import Catalog
import Command
import Stages

/// `pipe condense -m`: attended latents in, the condensed ones of each class out.
func condenseLatents(_ invocation: Invocation) async throws {
  let usable: Set<String> = ["input", "output", "model", "threads", "device", "progress", "quiet", "verbose", "name"]
  try await passLatents(
    invocation, CondenseLatentsStage.self, attention: .once,
    meaningless: invocation.arguments.verb.options.map(\.name).filter { !usable.contains($0) },
    hint: "what a model makes was decided when it was fitted")
}
