/// The verbs that need no tensors.
public let frontRunners: [VerbRunner] = [
  methodsVerb, completionVerb, manVerb, helpVerb, versionVerb,
]
