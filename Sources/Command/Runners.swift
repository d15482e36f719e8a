/// The verbs that need no tensors.
public let frontRunners: [VerbRunner] = [
  decodeVerb, shardVerb, catVerb, exportVerb, runVerb, inspectVerb, verifyVerb, previewVerb,
  methodsVerb, completionVerb, manVerb, helpVerb, versionVerb,
]
