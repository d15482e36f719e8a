public import Command

/// The verbs that need tensors.
public let computeVerbs: [VerbRunner] = [
  condenseVerb,
  evaluateVerb,
]
