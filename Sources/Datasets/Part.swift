extension ReadOptions {
  /// Compares the part that is wanted with the part that the data says it is; nil where it has no parts.
  ///
  /// Returns what the log shall say, where something else is read than the option names. Throws `badInput` where the part
  /// is required and is not there. Data without parts is training data.
  public func checkPart(_ found: DatasetInfo.Split?, of name: String) throws(DataError) -> String? {
    guard found != split, found != nil || split == .test else { return nil }
    guard isSplitRequired else {
      guard split == .test else { return nil }
      return found == nil
        ? "it has no train and test parts, so all of it is read as the test part"
        : "it is a train part, and is read as the test part"
    }
    guard found == nil else { throw missingPart(split, in: name) }
    throw DataError(
      .badInput, at: [name], "it has no train and test parts, so there is no \(split.rawValue) part to read",
      remedy: "leave out --split \(split.rawValue) to read all of it")
  }
}

/// The error for a dataset that has only the other part.
func missingPart(_ wanted: DatasetInfo.Split, in name: String) -> DataError {
  let other: DatasetInfo.Split = wanted == .train ? .test : .train
  return DataError(
    .badInput, at: [name], "there is no \(wanted.rawValue) part in it, only a \(other.rawValue) part",
    remedy: "read that with --split \(other.rawValue)")
}
