/// What to say of files that a CIFAR archive should have and has not; empty where it is whole.
///
/// A set with the published class names should have the published files: five batches and a test batch, or with
/// `hundred` a training and a test file. A set with names of its own should have every batch up to its last.
func missingBatches(among seen: Set<String>, hundred: Bool, suffix: String, isPublished: Bool) -> [String] {
  var expected: [String] = []
  if hundred {
    if isPublished { expected = ["train", "test"] }
  } else {
    let numbers = seen.compactMap { name in
      name.hasPrefix("data_batch_") ? Int(name.dropFirst("data_batch_".count).dropLast(suffix.count)) : nil
    }
    // A number that no archive reaches would make a list that nobody reads.
    let last = min(1000, max(isPublished ? 5 : 0, numbers.max() ?? 0))
    expected = (1...max(1, last)).map { "data_batch_\($0)" } + (isPublished ? ["test_batch"] : [])
  }
  let missing = expected.map { $0 + suffix }.filter { !seen.contains($0) }
  guard !missing.isEmpty else { return [] }
  return ["\(missing.joined(separator: ", ")) \(missing.count == 1 ? "is" : "are") not in it; what is there was read"]
}

/// Refuses an input that holds batches of CIFAR-10 and of CIFAR-100: the class names of the one would be given to the other.
///
/// `one` is a batch that came by before `other`, if any.
func refuseBoth(
  _ one: String?, _ other: String, isHundred: (String) -> Bool, in name: String
) throws(DataError) {
  guard let one, isHundred(one) != isHundred(other) else { return }
  let (ten, hundred) = isHundred(one) ? (other, one) : (one, other)
  throw DataError(
    .badInput, at: [name], "it holds two datasets, CIFAR-10 (\(ten)) and CIFAR-100 (\(hundred))",
    remedy: "give the folder or the archive of one of them as the input")
}
