extension ReadOptions {
  /// Compares the split that is wanted with the split that the data says it is; nil where it has no splits.
  ///
  /// Returns what the log shall say, where something else is read than the option names. Throws `badInput` where the split
  /// is required and is not there. Data without splits is training data.
  public func checkSplit(_ found: DatasetInfo.Split?, of name: String) throws(DataError) -> String? {
    guard found != split, found != nil || split == .test else { return nil }
    guard isSplitRequired else {
      guard split == .test else { return nil }
      return found == nil
        ? "it has no train and test splits, so all of it is read as the test split"
        : "it is a train split, and is read as the test split"
    }
    guard found == nil else { throw missingPart(split, in: name) }
    throw DataError(
      .badInput, at: [name], "it has no train and test splits, so there is no \(split.rawValue) split to read",
      remedy: "leave out --split \(split.rawValue) to read all of it")
  }
}

/// The error for a dataset that has only the other split.
func missingPart(_ wanted: DatasetInfo.Split, in name: String) -> DataError {
  let other: DatasetInfo.Split = wanted == .train ? .test : .train
  return DataError(
    .badInput, at: [name], "there is no \(wanted.rawValue) split in it, only a \(other.rawValue) split",
    remedy: "read that with --split \(other.rawValue)")
}

extension ReadOptions {
  /// Refuses patterns of file names and columns of tables for data whose samples are not files that they could be meant for.
  ///
  /// - Parameter layout: nil for samples that come from this program.
  public func checkPatterns(for layout: Layout?, of name: String) throws(DataError) {
    guard requiresPatterns else { return }
    let isImages = layout == .imageFolder || layout == .imageTable
    let patterns = [labelPattern.map { _ in "--label-pattern" }, testPattern.map { _ in "--test-pattern" }]
    let columns = [
      labelColumn.map { _ in "--label-column" }, imageColumn.map { _ in "--image-column" },
      testFolds.isEmpty ? nil : "--test-fold",
    ]
    let found = layout.map { "its layout is \($0.name)" } ?? "its samples have their labels"
    for (options, fits, files) in [
      (patterns.compactMap(\.self), isImages || layout == .audioFolder, "folders of images or sound files"),
      (columns.compactMap(\.self), isImages, "images with a table beside them"),
    ] where !options.isEmpty && !fits {
      throw DataError(
        .usage, at: [name],
        "\(options.joined(separator: " and ")) \(options.count == 1 ? "is" : "are") for \(files), and \(found)",
        remedy: "leave \(options.count == 1 ? "it" : "them") out")
    }
  }
}
