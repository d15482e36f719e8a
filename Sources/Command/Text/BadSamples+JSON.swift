internal import Datasets

extension BadSample {
  /// The members of a JSON object.
  var members: [(key: String, value: JSONText)] {
    (key.isEmpty ? [] : [("key", .string(key))]) + [("place", .string(place)), ("reason", .string(reason))]
  }
}

extension BadSamples {
  /// What a verb with `--json` writes in place of its report.
  var json: JSONText {
    .object([
      ("bad_samples", .object([("count", .integer(count)), ("samples", .array(samples.map { .object($0.members) }))]))
    ])
  }
}
