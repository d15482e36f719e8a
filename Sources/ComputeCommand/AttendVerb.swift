import Command
import Datasets
import Stages

/// `pipe attend`: latents in, attended latents out.
let attendVerb = VerbRunner("attend") { invocation in
  try await passThroughModel(invocation, AttendStage.self) { file, info throws(DataError) in
    try file.check(latents: info, attention: .none)
  }
  return .ok
}
