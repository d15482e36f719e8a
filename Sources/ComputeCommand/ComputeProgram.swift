import Command
import Methods
import Stages
import Tensors

/// The whole life of `pipe-compute`: the verbs that need tensors.
public func main() async -> Never {
  // Before any thread starts: freed memory that goes back to the system costs a page fault per page when it is needed again.
  Runtime.keepFreedMemory()
  leaveInOrderWithoutMemory()
  await Command.main(
    tool: "pipe-compute",
    runners: [
      condenseVerb, expandVerb, evaluateVerb, explainVerb, fitVerb, encodeVerb, attendVerb, decodeLatentsVerb,
      previewAttentionVerb, tensorDoctorVerb,
    ], sibling: nil)
}

/// Lets an operator that is given no memory end the program as any other temporary failure does.
///
/// The remedy is one for that purpose, where it is known.
func leaveInOrderWithoutMemory(for purpose: MemoryNeed.Purpose? = nil) {
  Runtime.onExhaustion = { Farewell.leave(forgivingMemory($0, for: purpose)) }
}
