/// The verbs that need no tensors.
public let frontRunners: [VerbRunner] = [
  decodeVerb, shardVerb, catVerb, mergeVerb, exportVerb, runVerb, gcVerb, inspectVerb, verifyVerb, previewVerb,
  reportVerb,
  methodsVerb,
  completionVerb, manVerb, helpVerb, versionVerb, doctorVerb,
]
