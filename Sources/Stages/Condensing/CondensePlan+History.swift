internal import Datasets
internal import Methods
internal import Shards
internal import Tensors

/// What a set's history says of the run that made it.
extension CondensePlan {
  /// What a checkpoint knows the real images by: their digest, and what is said of them that decides how networks are trained.
  static func checkpointSource(_ digest: String, _ info: DatasetInfo) -> String {
    info.mirror.map { sha256(Array("\(digest) mirror \($0)".utf8)) } ?? digest
  }

  /// The options in force, for who wants to know.
  var options: String {
    provenance(stepsReached: method.steps).sorted { $0.key < $1.key }.map { "--\($0) \($1)" }.joined(separator: " ")
  }

  /// The history of what was made.
  func step(
    _ verb: String, tool: String, stepsReached: Int, validated: ValidationResult? = nil, reused: [String] = []
  ) -> ProvenanceStep {
    var digests = ["source": digest]
    digests["trajectories"] = request.trajectories?.digest
    digests["start"] = request.startDigest
    return ProvenanceStep(
      verb: verb, tool: tool, options: provenance(stepsReached: stepsReached), digests: digests,
      results: validated?.recorded, reused: reused.isEmpty ? nil : reused)
  }

  /// Every option in force, as it would be typed; those of reading where they were typed.
  private func provenance(stepsReached: Int?) -> [String: String] {
    var options = request.reading.merging(method.recorded) { _, new in new }
    options["method"] = request.name
    options["ipc"] = request.budget.text
    options["seed"] = String(request.seed)
    options["partition"] = request.partition?.text
    options.merge(request.validation?.recorded ?? [:]) { $1 }
    // Also where it was not typed: networks were trained by it.
    options["mirror"] = info.mirror.map { $0 ? "yes" : "no" }
    if Runtime.device != .cpu { options["device"] = Runtime.device.description }
    // Given networks are trained already.
    let hasSteps = method.steps != nil && givenFeatures == nil
    if !hasSteps { options[type(of: method).stepsOption] = nil }
    if hasSteps { options[type(of: method).stepsOption] = stepsReached.map { String($0) } }
    return options
  }
}
