extension ReadOptions {
  /// What the log says of data without parts of which the test part was asked for.
  public static let readsAllAsTest = "it has no train and test splits, so all of it is read as the test split"

  /// Compares the split that is wanted with the split that the data says it is; nil where it has no splits.
  ///
  /// Returns what the log shall say, where something else is read than the option names. Throws `badInput` where the split
  /// is required and is not there. Data without splits is training data.
  public func checkSplit(_ found: DatasetInfo.Split?, of name: String) throws(DataError) -> String? {
    guard found != split, found != nil || split == .test else { return nil }
    guard isSplitRequired else {
      guard split == .test else { return nil }
      return found == nil
        ? Self.readsAllAsTest
        : "it is a train split, and is read as the test split"
    }
    guard found == nil else { throw missingPart(split, in: name) }
    throw DataError(
      .badInput, at: [name], "it has no train and test splits, so there is no \(split.rawValue) split to read",
      remedy: "leave out --split \(split.rawValue) to read all of it")
  }
}

extension DataError {
  /// Whether it says that data which has parts lacks the one that was asked for.
  var isMissingPart: Bool { problem.hasPrefix("there is no ") && problem.contains(" split in it, only a ") }
}

/// The error for a dataset that has only the other split.
func missingPart(_ wanted: DatasetInfo.Split, in name: String) -> DataError {
  let other: DatasetInfo.Split = wanted == .train ? .test : .train
  return DataError(
    .badInput, at: [name], "there is no \(wanted.rawValue) split in it, only a \(other.rawValue) split",
    remedy: "read that with --split \(other.rawValue)")
}

extension ReadOptions {
  /// The layout that options ask for which only one has; nil where there are none.
  var impliedLayout: Layout? {
    requiresPatterns && !(imageFields.isEmpty && labelField.isEmpty) ? .webDataset : nil
  }

  /// Refuses options that mean something to other layouts only.
  ///
  /// - Parameter layout: nil for samples that come from this program.
  public func checkPatterns(for layout: Layout?, of name: String) throws(DataError) {
    guard requiresPatterns else { return }
    let found = layout.map { "its layout is \($0.name)" } ?? "its samples have their labels"
    for use in LayoutOption.all where use.isGiven(self) && !use.layouts.contains(where: { $0 == layout }) {
      let given = LayoutOption.all.filter { $0.purpose == use.purpose && $0.isGiven(self) }.map { "--\($0.name)" }
      let isOne = given.count == 1
      throw DataError(
        .usage, at: [name],
        "\(given.joined(separator: " and ")) \(isOne ? "is" : "are") for \(use.purpose), and \(found)",
        remedy: "leave \(isOne ? "it" : "them") out")
    }
  }
}

/// An option that means something to some layouts only.
private struct LayoutOption {
  var name: String
  /// What these layouts hold.
  var purpose: String
  var layouts: [Layout]
  var isGiven: (ReadOptions) -> Bool

  static var all: [LayoutOption] {
    [
      LayoutOption("label-pattern", files, [.audioFolder, .imageFolder, .imageTable]) { $0.labelPattern != nil },
      LayoutOption("test-pattern", files, [.audioFolder, .imageFolder, .imageTable]) { $0.testPattern != nil },
      LayoutOption("label-column", columns, [.audioFolder, .imageFolder, .imageTable]) { $0.labelColumn != nil },
      LayoutOption("image-column", columns, [.audioFolder, .imageFolder, .imageTable]) { $0.imageColumn != nil },
      LayoutOption("test-fold", columns, [.audioFolder, .imageFolder, .imageTable]) { !$0.testFolds.isEmpty },
      LayoutOption("subset", "inputs that hold several datasets", [.idx, .npz, .pixelCSV]) { $0.subset != nil },
      LayoutOption("white", "arrays of pixels", [.npz, .pixelCSV]) { $0.white != nil },
      LayoutOption("image-field", fields, [.webDataset]) { !$0.imageFields.isEmpty },
      LayoutOption("label-field", fields, [.webDataset]) { !$0.labelField.isEmpty },
    ]
  }

  init(_ name: String, _ purpose: String, _ layouts: [Layout], isGiven: @escaping (ReadOptions) -> Bool) {
    self.name = name
    self.purpose = purpose
    self.layouts = layouts
    self.isGiven = isGiven
  }

  private static let files = "folders of images or sound files"
  private static let columns = "images or sound files with a table beside them"
  private static let fields = "samples of several fields"
}
